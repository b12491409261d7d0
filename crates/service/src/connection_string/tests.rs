use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> ConnectionString {
    ConnectionString::parse(text).unwrap()
}

fn password(text: &str) -> Option<String> {
    parse(text).password.map(|password| password.expose_secret().to_owned())
}

/// Everything but the warnings, the password in the clear.
fn parts(read: &ConnectionString) -> Vec<(&'static str, String)> {
    read.all_pairs().into_iter().map(|(keyword, value)| (keyword.name(), value)).collect()
}

#[test]
fn the_string_of_an_existing_deployment_is_understood() {
    let read = parse("Host=localhost;Port=5433;Database=mgm;Username=postgres;Password=secret");
    assert_eq!(read.to_string(), "database mgm at localhost:5433 as postgres");
    assert_eq!(read.password.as_ref().unwrap().expose_secret(), "secret");
    assert!(read.warnings.is_empty());
}

#[test]
fn every_alias_means_its_keyword() {
    for (aliases, expected) in [
        (&["Host", "Server", "Data Source", "HOST", "host", " Server "][..], "database d at x:5432 as u"),
        (&["Database", "DB", "dbname", "Initial Catalog"], "database x at h:5432 as u"),
        (&["Username", "User Name", "User Id", "UserId", "User", "UID"], "database d at h:5432 as x"),
    ] {
        for alias in aliases {
            assert_eq!(parse(&format!("Host=h;Database=d;Username=u;{alias}=x")).to_string(), expected, "{alias}");
        }
    }
    for alias in ["Password", "PWD", "PSW", "pwd"] {
        assert_eq!(password(&format!("Host=h;Username=u;{alias}=x")).as_deref(), Some("x"), "{alias}");
    }
}

#[test]
fn what_tunes_a_connection_is_understood() {
    let read = parse(
        "Host=h;Username=u;SSL Mode=VerifyFull;Timeout=3;Maximum Pool Size=9;MinPoolSize=2;Application Name=ebs;Root Certificate=/ca.pem",
    );
    assert_eq!(read.ssl_mode, SslMode::VerifyFull);
    assert_eq!(read.timeout, Duration::from_secs(3));
    assert_eq!((read.max_pool_size, read.min_pool_size), (Some(9), Some(2)));
    assert_eq!((read.application_name.as_deref(), read.root_certificate.as_deref()), (Some("ebs"), Some("/ca.pem")));
    for (text, mode) in
        [("disable", SslMode::Disable), ("verify-ca", SslMode::VerifyCa), ("VerifyCA", SslMode::VerifyCa)]
    {
        assert_eq!(parse(&format!("Host=h;Username=u;SslMode={text}")).ssl_mode, mode);
    }
}

#[test]
fn values_in_quotes_hold_anything() {
    for (written, expected) in [
        ("'a;b=c'", "a;b=c"),
        ("\"a;b='c'\"", "a;b='c'"),
        ("'it''s'", "it's"),
        ("\"say \"\"hi\"\"\"", "say \"hi\""),
        ("' padded '", " padded "),
        ("  plain = text  ", "plain = text"),
        ("mid'quote", "mid'quote"),
    ] {
        let text = format!("Host=h;Password={written};Username=u");
        assert_eq!(password(&text).as_deref(), Some(expected), "{written}");
        assert_eq!(parse(&text).username, "u");
    }
}

#[test]
fn blanks_and_empty_parts_do_not_count() {
    let read = parse(" ; Host = h ;; Port = 1 ;\n Username = u ; Password = ; Database=;");
    assert_eq!(read.to_string(), "database u at h:1 as u");
    assert!(read.password.is_none());
}

#[test]
fn the_last_of_several_values_counts() {
    assert_eq!(parse("Host=h;Username=u;Database=a;DB=b").database, "b");
}

#[test]
fn a_unix_socket_is_a_host_that_is_a_directory() {
    for text in
        ["Host=/run/postgresql;Username=u", "postgres://u@%2Frun%2Fpostgresql", "postgres://u@x/u?host=/run/postgresql"]
    {
        assert_eq!(parse(text).host, "/run/postgresql", "{text}");
    }
}

#[test]
fn urls_are_understood() {
    let read = parse("postgresql://us%40er:p%3Aw%2B@[::1]:5433/my%20db?sslmode=require&application_name=a+b");
    assert_eq!(read.to_string(), "database my db at ::1:5433 as us@er");
    assert_eq!(read.password.as_ref().unwrap().expose_secret(), "p:w+");
    assert_eq!((read.ssl_mode, read.application_name.as_deref()), (SslMode::Require, Some("a b")));
    assert_eq!(parse("postgres://u@h").to_string(), "database u at h:5432 as u");
}

#[test]
fn an_unknown_keyword_is_a_warning() {
    let read = parse("Host=h;Username=u;Pasword=hush;Pooling=true");
    assert_eq!(
        read.warnings,
        [
            "the keyword Pasword of the connection string is unknown; did you mean Password?",
            "the keyword Pooling of the connection string has no effect here",
        ]
    );
}

#[test]
fn what_looks_like_no_keyword_is_not_shown() {
    for text in [
        "Host=h;Username=u;hush=1",
        "Host=h;Username=u;Password=a;b=c;hush=d",
        "Host=h;Username=u;postgres:/u:hush@host/db?sslmode=require",
    ] {
        let warnings = parse(text).warnings.join("\n");
        assert!(!warnings.is_empty() && !warnings.contains("hush"), "{warnings}");
    }
}

#[test]
fn what_may_be_the_rest_of_a_password_is_not_shown() {
    let warnings = parse("Host=h;Username=u;Password=hu;sh=x").warnings.join("\n");
    assert!(warnings.contains("stands in quotes") && !warnings.contains("sh="), "{warnings}");
    let error = ConnectionString::parse("Host=h;Password=hu;sh").unwrap_err().to_string();
    assert!(error.contains("part 3") && !error.contains("sh"), "{error}");
}

#[test]
fn what_makes_no_sense_is_refused_with_the_reason() {
    for (text, reason) in [
        ("", "the connection string names no Host"),
        ("Host=h", "the connection string names no Username"),
        ("Host=a,b;Username=u", "connection string: Host is one host"),
        ("Host=h;Port=0", "connection string: Port is a number from 1 to 65535"),
        ("Host=h;Timeout=x", "connection string: Timeout is a whole number"),
        (
            "Host=h;SSL Mode=x",
            "connection string: SSL Mode is one of Disable, Allow, Prefer, Require, VerifyCA and VerifyFull",
        ),
        ("Host='h", "part 1 of the connection string has a quote that does not end at its end"),
        ("Host='h'x;", "part 1 of the connection string has a quote that does not end at its end"),
        ("postgres://u:p@h:x/", "the connection string is no postgres:// URL: it cannot be taken apart"),
    ] {
        assert_eq!(ConnectionString::parse(text).map(|_| ()).unwrap_err().to_string(), reason, "{text}");
    }
}

#[test]
fn the_password_is_in_no_description() {
    let read = parse("Host=h;Username=u;Password=hush");
    assert!(!format!("{read:?} {read}").contains("hush"));
}

prop_compose! {
    fn any_connection()(
        host in "[a-z.]{1,8}|/[a-z/]{1,8}|::1", port in 1u16.., names in ["\\PC{1,9}", "\\PC{1,9}"],
        password in proptest::option::of("\\PC{1,12}"), application_name in proptest::option::of("\\PC{1,9}"),
        seconds in 0u64..1000, max_pool_size in proptest::option::of(0u32..100),
    ) -> ConnectionString {
        let [database, username] = names;
        ConnectionString {
            host, port, database, username, application_name, max_pool_size,
            password: password.map(SecretString::from),
            ssl_mode: SslMode::Require,
            root_certificate: None,
            timeout: Duration::from_secs(seconds),
            min_pool_size: None,
            warnings: Vec::new(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_can_be_read_again(written in any_connection()) {
        prop_assert_eq!(parts(&parse(written.to_npgsql().expose_secret())), parts(&written));
        let mut read = parse(written.to_url().expose_secret());
        read.timeout = written.timeout;
        read.max_pool_size = written.max_pool_size;
        prop_assert_eq!(parts(&read), parts(&written));
    }

    #[test]
    fn no_text_whatever_makes_the_reader_panic(text in "\\PC{0,40}", tail in "[a-z=;'\" ]{0,30}") {
        let _ = ConnectionString::parse(&text);
        let _ = ConnectionString::parse(&format!("Host={tail}"));
        let _ = ConnectionString::parse(&format!("postgres://{text}"));
    }
}
