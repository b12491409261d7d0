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
    assert_eq!(read.timeout, Some(Duration::from_secs(3)));
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
        assert_eq!(parse(text).addresses[0].host, "/run/postgresql", "{text}");
    }
}

#[test]
fn urls_are_understood() {
    let read = parse("postgresql://us%40er:p%3Aw%2B@[::1]:5433/my%20db?sslmode=require&application_name=a+b");
    assert_eq!(read.to_string(), "database my db at [::1]:5433 as us@er");
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
    assert!(warnings.contains("in quotes") && !warnings.contains("sh="), "{warnings}");
    let error = ConnectionString::parse("Host=h;Password=hu;sh").unwrap_err().to_string();
    assert!(error.contains("part 3") && !error.contains("sh"), "{error}");
}

#[test]
fn what_makes_no_sense_is_refused_with_the_reason() {
    for (text, reason) in [
        ("", "the connection string has no Host"),
        ("Host=h", "the connection string has no Username"),
        ("Host=h;Port=0", "connection string: Port is a number from 1 to 65535"),
        ("Host=h;Timeout=x", "connection string: Timeout is a whole number from 0 to 1024"),
        (
            "Host=h;SSL Mode=x",
            "connection string: SSL Mode is one of Disable, Allow, Prefer, Require, VerifyCA and VerifyFull",
        ),
        ("Host='h", "part 1 of the connection string has a quote that is not closed or is followed by text"),
        ("Host='h'x;", "part 1 of the connection string has a quote that is not closed or is followed by text"),
        (
            "postgres://u:p@h:x/",
            "the connection string is not a postgres:// URL: it cannot be parsed; in a user name or password, / ? # @ \
             and the like are written as %2F and so on",
        ),
    ] {
        assert_eq!(ConnectionString::parse(text).map(|_| ()).unwrap_err().to_string(), reason, "{text}");
    }
}

#[test]
fn the_password_is_in_no_description() {
    let read = parse("Host=h;Username=u;Password=hush");
    assert!(!format!("{read:?} {read}").contains("hush"));
}

fn addresses(text: &str) -> String {
    parse(text).addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn refused(text: &str) -> String {
    ConnectionString::parse(text).map(|_| ()).expect_err(text).to_string()
}

#[test]
fn a_host_may_have_brackets_a_port_and_company() {
    for (text, expected) in [
        ("Host=[::1]", "[::1]:5432"),
        ("Host=::1;Port=5433", "[::1]:5433"),
        ("Host=[::1]:5555;Port=1", "[::1]:5555"),
        ("Host=127.0.0.1:5555", "127.0.0.1:5555"),
        ("Host=a,b", "a:5432 b:5432"),
        ("Host=a, b:5433 ,[::1]:7;Port=5", "a:5 b:5433 [::1]:7"),
        ("Host=a,b;Port=1,2", "a:1 b:2"),
        ("Host=/run/postgresql,a:2", "/run/postgresql:5432 a:2"),
        ("Host=a,b;Target Session Attributes=read-write", "a:5432 b:5432"),
    ] {
        assert_eq!(addresses(&format!("{text};Username=u")), expected, "{text}");
    }
    for (text, expected) in [
        ("postgres://u:p%40@a:1,b/d", "a:1 b:5432"),
        ("POSTGRES://u@[::1]:2,b:3?sslmode=disable", "[::1]:2 b:3"),
        ("postgresql:///d?user=u&host=a,b&port=1,2", "a:1 b:2"),
        ("postgres://u@h?target_session_attrs=primary", "h:5432"),
    ] {
        assert_eq!(addresses(text), expected, "{text}");
    }
    let several = parse("Host=a:1,[::1]:2,/run/x;Username=u");
    assert_eq!(parse(several.to_npgsql().expose_secret()).addresses, several.addresses);
    let apart: Vec<_> = several.to_urls().iter().flat_map(|url| parse(url.expose_secret()).addresses).collect();
    assert_eq!(apart, several.addresses);
}

#[test]
fn hosts_and_ports_that_make_no_sense_are_refused_without_being_repeated() {
    for (text, keyword) in [
        ("Host=hush,;Username=u", "Host is a name"),
        ("Host=[hush];Username=u", "Host is a name"),
        ("Host=[::1]hush;Username=u", "Host is a name"),
        ("Host=:1;Username=u", "Host is a name"),
        ("Host=postgres://u:hush@h/d;Username=u", "Host is a name"),
        ("Host=hush@h;Username=u", "Host is a name"),
        ("Host=h/hush;Username=u", "Host is a name"),
        ("Host=a:b:hush;Username=u", "Host is a name"),
        ("Host=h:hush;Username=u", "Port is a number from 1 to 65535"),
        ("Host=h:0;Username=u", "Port is a number from 1 to 65535"),
        ("Host=h;Port=65536;Username=u", "Port is a number from 1 to 65535"),
        ("Host=a,b;Port=1,2,3;Username=u", "Port is one number, or one for each host"),
        ("postgres://u@a:1,b:hush/d", "Port is a number from 1 to 65535"),
        ("Host=a,b;Target Session Attributes=standby;Username=u", "Target Session Attributes is Any, Primary"),
    ] {
        let error = refused(text);
        assert!(error.contains(keyword) && !error.contains("hush"), "{text}: {error}");
    }
}

#[test]
fn the_port_that_stands_with_a_host_counts_and_the_other_is_said_to_have_no_effect() {
    for (text, expected, is_overruled) in [
        ("Host=a:5432;Port=5433", "a:5432", true),
        ("Port=5433;Host=a:5432,b:1", "a:5432 b:1", true),
        ("Host=a:5432;Port=5432", "a:5432", false),
        ("Host=a:5432,b;Port=5433", "a:5432 b:5433", false),
        ("Host=a:1,b:2;Port=1,2", "a:1 b:2", false),
        ("Host=a:1", "a:1", false),
        ("Host=a;Port=5433", "a:5433", false),
    ] {
        let text = format!("{text};Username=u");
        let warnings = parse(&text).warnings;
        assert_eq!(addresses(&text), expected, "{text}");
        assert_eq!(warnings.iter().any(|warning| warning.contains("Port")), is_overruled, "{text}: {warnings:?}");
    }
}

#[test]
fn an_escape_that_is_none_is_named() {
    for text in [
        "postgres://u:hush%zz@h/d",
        "postgres://u:hush%@h/d",
        "postgres://u:hush%2@h/d",
        "postgres://u@h/%d",
        "postgres://u@h%/d",
        "postgres://u@h/d?application_name=%+2hush",
        "postgres://u@a,b%x/d",
    ] {
        let error = refused(text);
        assert!(error.contains("written as %25") && !error.contains("hush"), "{text}: {error}");
    }
    for text in ["postgres://u:%ff@h/d", "postgres://u@h/d?application_name=%c3", "postgres://u@h/%ff"] {
        assert!(refused(text).contains("not UTF-8"), "{text}");
    }
    assert_eq!(password("postgres://u:100%25@h/d").as_deref(), Some("100%"));
    assert!(refused("postgres://u@h/d#hush").contains("# @ and the like"));
}

#[test]
fn every_number_has_a_range_that_its_error_names() {
    for (keyword, parameter, range, good, bad) in [
        ("Maximum Pool Size", "maximum_pool_size", "1 to 1024", ["1", "1024"], ["0", "4294967295"]),
        ("Minimum Pool Size", "minimum_pool_size", "0 to 1024", ["0", "16"], ["1025", "4294967295"]),
        ("Timeout", "connect_timeout", "0 to 1024", ["0", "1024"], ["1025", "-1"]),
        ("Command Timeout", "command_timeout", "0 to 2147483647", ["0", "2147483647"], ["-1", "4294967295"]),
        ("Keepalive", "keepalive", "0 to 2147483647", ["0", "30"], ["2147483648", "often"]),
        ("Tcp Keepalive Time", "tcp_keepalive_time", "0 to 2147483647", ["0", "30"], ["1.5", "-1"]),
        ("Connection Idle Lifetime", "connection_idle_lifetime", "0 to 2147483647", ["0", "300"], ["x", "-3"]),
    ] {
        let forms = |value: &str| {
            [format!("Host=h;Username=u;{keyword}={value}"), format!("postgres://u@h/d?{parameter}={value}")]
        };
        for text in good.iter().flat_map(|value| forms(value)) {
            parse(&text);
        }
        for text in bad.iter().flat_map(|value| forms(value)) {
            let expected = format!("connection string: {keyword} is a whole number from {range}");
            assert_eq!(refused(&text), expected, "{text}");
        }
    }
    let error = refused("Host=h;Username=u;Minimum Pool Size=9;Maximum Pool Size=8");
    assert_eq!(error, "connection string: Minimum Pool Size is not above Maximum Pool Size");
    assert_eq!(parse("Host=h;Username=u;Timeout=0").timeout, Some(Duration::from_secs(1024)));
}

#[test]
fn what_is_written_for_others_is_named_for_what_it_is() {
    for (text, words) in [
        ("host=localhost port=5432 dbname=mgm user=u password=hush", "is a line for libpq"),
        ("user=u password=hu;sh host=h", "is a line for libpq"),
        ("jdbc:postgresql://h/d?user=u&password=hush", "is a jdbc: URL"),
        ("JDBC:postgresql://h/d", "is a jdbc: URL"),
        ("postgresql+asyncpg://u:hush@h/d", "names a Python driver"),
        ("postgres+psycopg2://u:hush@h/d", "names a Python driver"),
        ("mysql://u:hush@h/d", "is a URL, but not for PostgreSQL"),
        ("\"Host=h;Username=u;Password=hush\"", "in quotes"),
        ("'postgres://u:hush@h/d'", "in quotes"),
        ("postgres://u:hush@h/d;SSL Mode=Require", "is a postgres:// URL with Keyword=value after it"),
        ("postgres://u:hush@h:5432;Database=d", "is a postgres:// URL with Keyword=value after it"),
        ("postgresql://u@h/d?sslmode=require; Pooling=true;Password=hush", "is a postgres:// URL with Keyword=value"),
        ("postgres://h;Username=u;Password=hush", "is a postgres:// URL with Keyword=value"),
    ] {
        let error = refused(text);
        assert!(error.contains(words) && !error.contains("hush"), "{text}: {error}");
    }
    // What only looks like it.
    assert_eq!(password("postgres://u:a;host=b@h/d").as_deref(), Some("a;host=b"));
    assert_eq!(parse("postgres://u@h/a;b=c").database, "a;b=c");
    assert_eq!(password("Password='a user=b';Host=h;Username=u").as_deref(), Some("a user=b"));
    assert_eq!(password("Host=h;Username=u;Password=x://y z=1").as_deref(), Some("x://y z=1"));
}

#[test]
fn a_certificate_that_was_not_accepted_is_said_to_be_the_servers_with_the_reason() {
    let error = "error communicating: invalid peer certificate: UnknownIssuer";
    let named = parse("Host=h;Username=u;Root Certificate=/ca.pem").explain(error).unwrap();
    let system = parse("Host=h;Username=u").explain(error).unwrap();
    assert!(named.contains("the file that Root Certificate names") && system.contains("are the system's;"));
    for (reason, words) in [
        ("UnknownIssuer", "its issuer"),
        ("certificate not valid for name \"h\"; it is for \"g\"", "not for the name of the host"),
        ("certificate expired: verification time 1", "it has expired"),
        ("Other(OtherError(CaUsedAsEndEntity))", "self-signed"),
        ("BadEncoding", "of the database server was not accepted ("),
    ] {
        let said = parse("Host=h;Username=u").explain(&format!("invalid peer certificate: {reason}")).unwrap();
        assert!(said.contains(words), "{reason}: {said}");
    }
    assert_eq!(parse("Host=h;Username=u").explain("connection refused"), None);
}

#[test]
fn the_file_of_an_authority_is_looked_at_before_it_is_needed() {
    let check = |path: &str| parse(&format!("Host=h;Username=u;Root Certificate={path}")).check_files();
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    assert!(check(path).unwrap_err().to_string().contains("holds no certificate"));
    std::fs::write(path, "-----BEGIN CERTIFICATE-----\n").unwrap();
    check(path).unwrap();
    let error = check("/nowhere/ca.pem").unwrap_err().to_string();
    assert!(error.contains("Root Certificate names cannot be read") && !error.contains("/nowhere"), "{error}");
    parse("Host=h;Username=u").check_files().unwrap();
}

prop_compose! {
    fn any_connection()(
        host in "[a-z.]{1,8}|/[a-z/]{1,8}|::1", port in 1u16.., names in ["\\PC{1,9}", "\\PC{1,9}"],
        password in proptest::option::of("\\PC{1,12}"), application_name in proptest::option::of("\\PC{1,9}"),
        seconds in proptest::option::of(1u64..=1024), max_pool_size in proptest::option::of(1u32..=1024),
    ) -> ConnectionString {
        let [database, username] = names;
        ConnectionString {
            addresses: vec![Address { host, port }], database, username, application_name, max_pool_size,
            password: password.map(SecretString::from),
            ssl_mode: SslMode::Require,
            root_certificate: None,
            timeout: seconds.map(Duration::from_secs),
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
        let mut read = parse(written.to_urls()[0].expose_secret());
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
