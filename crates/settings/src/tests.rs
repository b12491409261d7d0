use std::io::Write as _;
use std::num::NonZeroU32;
use std::time::Duration;

use mgm_domain::roulette::Schedule;
use secrecy::{ExposeSecret, SecretString};

use super::*;
use crate::sections::keys;

/// An error is represented by its message, with `FILE` for the name of the file.
fn load(file: Option<&str>, environment: &[(&str, &str)]) -> Result<Loaded, String> {
    let mut written = tempfile::NamedTempFile::new().unwrap();
    written.write_all(file.unwrap_or_default().as_bytes()).unwrap();
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let sources = Sources { file: file.map(|_| written.path().to_owned()), environment, accept_database_url: false };
    Settings::load(&sources).map_err(|error| error.to_string().replace(written.path().to_str().unwrap(), "FILE"))
}

fn settings(environment: &[(&str, &str)]) -> Settings {
    load(None, environment).unwrap().settings
}

fn refusal(file: Option<&str>, environment: &[(&str, &str)]) -> String {
    load(file, environment).unwrap_err()
}

fn secret(value: Option<&SecretString>) -> Option<&str> {
    value.map(ExposeSecret::expose_secret)
}

#[test]
fn nothing_set_means_the_documented_defaults() {
    insta::assert_snapshot!(load(None, &[]).unwrap().describe());
}

#[test]
fn the_handbook_lists_every_setting() {
    let handbook = include_str!("../../../docs/configuration.md");
    let row = |row: &Row| {
        let default = if row.value.starts_with('(') { row.value.clone() } else { format!("`{}`", row.value) };
        format!("| `{}` | `{}` | {default} | {} |", row.key, row.file_key, row.doc)
    };
    let loaded = load(None, &[]).unwrap();
    let table = loaded.rows.iter().map(row).collect::<Vec<_>>().join("\n");
    assert!(handbook.contains(&format!("\n{table}\n\n")), "docs/configuration.md has to contain:\n{table}");
}

#[test]
fn defaults_in_code_are_those_that_are_loaded() {
    assert_eq!(format!("{:?}", Settings::default()), format!("{:?}", settings(&[])));
}

#[test]
fn the_variables_of_an_existing_deployment_are_understood() {
    let settings = settings(&[
        ("ASPNETCORE_ENVIRONMENT", "Development"),
        ("ASPNETCORE_URLS", "http://127.0.0.1:8080"),
        ("ConnectionStrings__PostgreSQL", "Host=localhost;Port=5432;Database=mgm;Username=postgres;Password=postgres"),
        ("Mgm__ApiKey", "ci-desktop-api-key"),
        ("Mgm__DevSkipSubscriberCheck", "true"),
        ("Mgm__EnableE2eHarness", "true"),
        ("Twitch__EventSubSecret", "e2e-ci-eventsub-secret"),
        ("Twitch__HelixApiBaseUrl", "http://127.0.0.1:9053"),
        ("Twitch__BroadcasterAccessToken", "e2e-ci-broadcast-token"),
        ("Twitch__BroadcasterUserId", "e2e-ci-broadcaster"),
        ("Twitch__HelixClientId", "e2e-ci-helix-client"),
        ("Backend__BaseUrl", "http://127.0.0.1:8080"),
        ("SyntheticDesktop__BackendBaseUrl", "http://127.0.0.1:8080"),
    ]);
    assert_eq!(settings.general.environment, Environment::Development);
    assert_eq!(settings.general.urls, Some(BindUrls::loopback(8080)));
    assert_eq!(secret(settings.mgm.api_key.as_ref()), Some("ci-desktop-api-key"));
    assert!(settings.mgm.dev_skip_subscriber_check && settings.mgm.enable_e2e_harness);
    assert_eq!(settings.twitch.helix_api_base_url.unwrap().as_url().as_str(), "http://127.0.0.1:9053/");
    assert_eq!(settings.twitch.broadcaster_user_id.unwrap().as_str(), "e2e-ci-broadcaster");
}

#[test]
fn names_are_matched_without_regard_to_case() {
    let settings = settings(&[("ROULETTE__CYCLESECONDS", "600"), ("aspnetcore_environment", "development")]);
    assert_eq!(settings.schedule.cycle(), Duration::from_secs(600));
    assert_eq!(settings.general.environment, Environment::Development);
    let file = "[Roulette]\nCycleSeconds = 600\n[rate_limits]\nviewer_reads_per_minute = 7\n[RateLimits]\nAddressPerMinute = 8";
    let settings = load(Some(file), &[]).unwrap().settings;
    assert_eq!(settings.schedule.cycle(), Duration::from_secs(600));
    let limits = settings.rate_limits;
    assert_eq!([limits.viewer_reads_per_minute, limits.address_per_minute].map(NonZeroU32::get), [7, 8]);
}

#[test]
fn a_variable_wins_over_the_file_and_the_file_over_the_default() {
    let file = "[gifts]\nselect_seconds = 1\nconfirm_seconds = 2";
    let loaded = load(Some(file), &[("GIFTS__SelectSeconds", "3")]).unwrap();
    let gifts = &loaded.settings.gifts;
    assert_eq!([gifts.select, gifts.confirm], [3, 2].map(Duration::from_secs));
    let origin = |key| &loaded.rows.iter().find(|row| row.key == key).unwrap().origin;
    assert_eq!(*origin("Gifts__SelectSeconds"), Origin::Variable("GIFTS__SelectSeconds".into()));
    assert!(matches!(origin("Gifts__ConfirmSeconds"), Origin::File(_)));
    assert_eq!(*origin("Helix__TimeoutSeconds"), Origin::Default);
}

#[test]
fn the_projects_own_names_win_over_those_it_inherited() {
    let settings = settings(&[
        ("ASPNETCORE_ENVIRONMENT", "Production"),
        ("ASPNETCORE_URLS", "http://+:1"),
        ("Mgm__Environment", "Development"),
        ("Mgm__Urls", "http://+:2"),
    ]);
    assert_eq!(settings.general.environment, Environment::Development);
    assert_eq!(settings.general.urls.unwrap().to_string(), "http://+:2");
}

#[test]
fn secrets_are_taken_as_they_are_written() {
    for value in [
        "0123456789",
        "[\"a\", \"b\"]",
        "{a = 1, b = 2}",
        "\"in quotes\"",
        "a,b;c[d]{e}\"f'",
        "true or not",
        "1e10000000",
    ] {
        let twitch = settings(&[("Twitch__EventSubSecret", value), ("Twitch__HelixClientSecret", value)]).twitch;
        assert_eq!(twitch.event_sub_secret.unwrap().text().expose_secret(), value);
        assert_eq!(secret(twitch.helix_client_secret.as_ref()), Some(value));
    }
}

#[test]
fn an_empty_value_counts_as_not_set() {
    let file = "[mgm]\napi_key = \"from the file\"\napi_key_previous = \"\"";
    let settings = load(Some(file), &[("Mgm__ApiKey", ""), ("Roulette__CycleSeconds", "")]).unwrap().settings;
    assert_eq!(secret(settings.mgm.api_key.as_ref()), Some("from the file"));
    assert!(settings.mgm.api_key_previous.is_none());
    assert_eq!(settings.schedule, Schedule::DEFAULT);
}

#[test]
fn lists_are_separated_by_commas_or_are_arrays() {
    let settings = load(
        Some("[twitch]\nsubscriber_badges = [\"vip\", \"founder\"]"),
        &[("Mgm__TrustedProxies", "10.0.0.0/8, ::1")],
    )
    .unwrap()
    .settings;
    assert_eq!(settings.twitch.subscriber_badges, ["vip", "founder"]);
    assert_eq!(
        settings.mgm.trusted_proxies.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["10.0.0.0/8", "::1/128"]
    );
}

#[test]
fn an_unknown_key_is_named_with_the_nearest_known_one() {
    let file = "stray = 1\n[mgm]\napikeys = \"x\"\n[roulete]\ncycle_seconds = 3\n[connection_strings]\nredis = \"x\"";
    insta::assert_snapshot!(refusal(Some(file), &[("Twitch__EventSecret", "hush"), ("MGM__ApiKye", "hush")]), @"
    mgm.apikeys (file FILE) is not a setting of any service; did you mean mgm.api_key?
    roulete.cycle_seconds (file FILE) is not a setting of any service; did you mean roulette.cycle_seconds?
    stray (file FILE) is not a setting of any service; did you mean mgm.urls?
    Twitch__EventSecret (environment variable Twitch__EventSecret) is not a setting of any service; did you mean Twitch__EventSubSecret?
    MGM__ApiKye (environment variable MGM__ApiKye) is not a setting of any service; did you mean Mgm__ApiKey?
    ");
}

#[test]
fn variables_of_others_are_nobodys_business() {
    settings(&[
        ("ASPNETCORE_FORWARDEDHEADERS_ENABLED", "true"),
        ("ConnectionStrings__Redis", "x"),
        ("MGM_POSTGRES_BIN", "/x"),
        ("Logging__LogLevel__Default", "Debug"),
        ("DATABASE_URL", "postgres://x"),
    ]);
}

#[test]
fn a_value_of_the_wrong_type_is_refused_without_being_shown() {
    let environment = [
        ("Roulette__CycleSeconds", "hush"),
        ("Mgm__EnableE2eHarness", "hush"),
        ("Backend__BaseUrl", "http://user:hush@localhost"),
        ("Mgm__TrustedProxies", "10.0.0.0/8,hush"),
        ("Mgm__Urls", "hush"),
        ("Mgm__Environment", "hush"),
    ];
    insta::assert_snapshot!(refusal(Some("[mgm]\napi_key = 123456"), &environment), @"
    Mgm__Environment (environment variable Mgm__Environment): expected Development or Production
    Mgm__Urls (environment variable Mgm__Urls): expected addresses such as http://127.0.0.1:8080;http://+:9090 (an address begins with http://; TLS ends at a proxy)
    Mgm__ApiKey (file FILE): expected text in quotes
    Mgm__TrustedProxies (environment variable Mgm__TrustedProxies): expected IP addresses or networks such as 10.0.0.0/8
    Mgm__EnableE2eHarness (environment variable Mgm__EnableE2eHarness): expected true or false
    Roulette__CycleSeconds (environment variable Roulette__CycleSeconds): expected a whole number from 0 to 4294967295
    Backend__BaseUrl (environment variable Backend__BaseUrl): expected an http:// or https:// URL without credentials
    ");
}

#[test]
fn values_that_make_no_sense_are_refused_with_the_reason() {
    let environment = [
        ("Twitch__EventSubSecret", "short"),
        ("Twitch__EventSubSecretPrevious", "пароль-из-кириллицы"),
        ("Twitch__HelixApiBaseUrl", "https://api.twitch.tv/helix/"),
        ("Twitch__OAuthBaseUrl", "https://id.twitch.tv/oauth2"),
        ("Roulette__CycleSeconds", "100"),
        ("Roulette__TickMilliseconds", "0"),
        ("Helix__TimeoutSeconds", "0"),
    ];
    insta::assert_snapshot!(refusal(None, &environment), @"
    Twitch__EventSubSecret: Twitch accepts only secrets of 10 to 100 ASCII characters
    Twitch__EventSubSecretPrevious: Twitch accepts only secrets of 10 to 100 ASCII characters
    Twitch__HelixApiBaseUrl: the value ends in /helix; leave that out, since /helix/… is added
    Twitch__OAuthBaseUrl: the value ends in /oauth2; leave that out, since /oauth2/… is added
    Roulette__CycleSeconds: collecting and spinning together take longer than a cycle
    Roulette__TickMilliseconds: must be at least 1
    Helix__TimeoutSeconds: must be at least 1
    ");
}

#[test]
fn one_setting_spelled_twice_with_different_values_is_refused() {
    let message = refusal(None, &[("Mgm__ApiKey", "one"), ("MGM__APIKEY", "two")]);
    assert_eq!(message, "Mgm__ApiKey and MGM__APIKEY are the same setting, but have different values");
    settings(&[("Mgm__ApiKey", "one"), ("MGM__APIKEY", "one")]);
}

#[test]
fn a_broken_file_is_refused_with_its_line_and_without_its_text() {
    let message = refusal(Some("[mgm]\napi_key = \"fine\"\napi_key_previous = hush"), &[]);
    assert!(message.contains("line 3") && !message.contains("hush"), "{message}");
    let absent = Sources { file: Some("/nowhere/mgm.toml".into()), ..Sources::default() };
    assert!(Settings::load(&absent).unwrap_err().to_string().contains("/nowhere/mgm.toml cannot be read"));
}

#[test]
fn secrets_are_in_no_description() {
    let names = keys()
        .map(|key| key.variable)
        .filter(|name| ["Key", "Secret", "Token", "ConnectionStrings"].iter().any(|word| name.contains(word)));
    let environment: Vec<_> = names
        .map(|name| match name {
            "ConnectionStrings__PostgreSQL" => (name, "Host=hush;Username=u;Password=hush"),
            "Twitch__ExtensionSecret" => (name, "hushhushhush"),
            _ => (name, "hush-hush-hush"),
        })
        .collect();
    assert!(environment.len() >= 9);
    let loaded = load(None, &environment).unwrap();
    let debug = format!("{loaded:?}").replace("host: \"hush\"", "");
    assert!(!debug.contains("hush"), "{debug}");
    assert!(!loaded.describe().contains("hush"));
}

#[test]
fn what_travels_in_headers_has_no_blanks_at_its_ends() {
    let names =
        keys().map(|key| key.variable).filter(|name| ["Key", "Secret", "Token"].iter().any(|word| name.contains(word)));
    let mut count = 0;
    for name in names {
        for value in [" hush-hush-hush", "hush-hush-hush ", "hush-hush-hush\r\n", "\thush-hush-hush", "hush\0hush-hush"]
        {
            let error = refusal(None, &[(name, value)]);
            assert!(error.contains(name) && error.contains("a blank") && !error.contains("hush"), "{name}: {error}");
        }
        count += 1;
    }
    assert!(count >= 8);
    // Settings that are not secret are trimmed.
    let loaded = load(None, &[("Twitch__HelixClientId", " id ")]).unwrap();
    assert_eq!(loaded.settings.twitch.helix_client_id.as_deref(), Some("id"));
    assert!(refusal(None, &[("Twitch__HelixClientId", "i\u{1}d")]).contains("Twitch__HelixClientId"));
}

#[test]
fn database_url_counts_only_where_it_is_asked_for_and_nothing_else_is_set() {
    let load = |environment: &[(&str, &str)], accept_database_url| {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let sources = Sources { environment, accept_database_url, file: None };
        Settings::load(&sources).unwrap().settings.connection_strings.postgresql.map(|to| to.to_string())
    };
    let stray = ("DATABASE_URL", "postgres://u@stray");
    assert_eq!(load(&[stray], false), None);
    assert_eq!(load(&[stray], true).as_deref(), Some("database u at stray:5432 as u"));
    let named = ("ConnectionStrings__PostgreSQL", "Host=x;Username=u");
    assert_eq!(load(&[stray, named], true).as_deref(), Some("database u at x:5432 as u"));
}

#[test]
fn every_key_is_documented() {
    for row in load(None, &[]).unwrap().rows {
        assert!(row.doc.ends_with('.'), "{}", row.key);
    }
}

#[test]
fn a_file_can_hold_the_value_of_a_variable() {
    let mut written = tempfile::NamedTempFile::new().unwrap();
    written.write_all(b"hush, hush\n").unwrap();
    let path = written.path().to_str().unwrap();
    let loaded = load(None, &[("MGM__APIKEY__FILE", path)]).unwrap();
    assert_eq!(secret(loaded.settings.mgm.api_key.as_ref()), Some("hush, hush"));
    assert!(!loaded.describe().contains("hush"));
    assert_eq!(
        refusal(None, &[("Mgm__ApiKey__File", path), ("Mgm__ApiKey", "other")]).matches("same setting").count(),
        1
    );
    let absent = refusal(None, &[("Mgm__ApiKey__File", "/nowhere/hush")]);
    assert!(absent.starts_with("Mgm__ApiKey__File: the file that it names cannot be read: "), "{absent}");
    assert!(!absent.contains("hush"), "{absent}");
    assert!(refusal(None, &[("Mgm__ApiKye__File", path)]).contains("did you mean Mgm__ApiKey?"));
}

#[test]
fn rows_are_in_the_order_of_the_documentation() {
    let rows: Vec<_> = load(None, &[]).unwrap().rows.iter().map(|row| row.key).collect();
    assert_eq!(rows, keys().map(|key| key.variable).collect::<Vec<_>>());
}

#[test]
fn the_developers_broadcaster_is_one() {
    assert_eq!(settings(&[]).broadcaster().as_str(), "dev-broadcaster");
}

#[test]
fn everything_wrong_is_told_in_one_round() {
    let environment = [
        ("ConnectionStrings__PostgreSQL", "Host=h;Username=u;Timeout=hush"),
        ("Mgm__ApiKye", "hush"),
        ("Mgm__ApiKey", " hush "),
        ("Mgm__EnableE2eHarness", "true"),
        ("Twitch__ExtensionSecret", "not base64, hush"),
        ("Twitch__ExtensionClientId", "hush/hush"),
        ("Twitch__EventSubCallbackUrl", "http://hush.example"),
        ("Twitch__HelixApiBaseUrl", "https://example.com/?hush"),
        ("Twitch__HelixClientId", " "),
        ("Twitch__BroadcasterAccessToken", "hush"),
        ("Roulette__CollectingSeconds", "300"),
        ("Roulette__SpinningSeconds", "0"),
        ("Payouts__SweepSeconds", "0"),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let sources = Sources { environment, ..Sources::default() };
    insta::assert_snapshot!(Settings::load_for(&sources, needs::of_the_backend).unwrap_err(), @"
    Mgm__ApiKye (environment variable Mgm__ApiKye) is not a setting of any service; did you mean Mgm__ApiKey?
    ConnectionStrings__PostgreSQL: connection string: Timeout is a whole number from 0 to 1024
    Mgm__ApiKey: the value begins or ends with a blank, or holds a control character; leave it out
    Mgm__EnableE2eHarness is on, and Production does not allow it
    Twitch__EventSubSecret is not set, and Production needs it
    Twitch__ExtensionSecret: Extension secret number 1 is not base64 (standard alphabet, with or without padding)
    Twitch__ExtensionClientId: it cannot be part of a host name
    Twitch__HelixApiBaseUrl: a base URL has `http://` or `https://`, a host, and no user, password, query or fragment
    Twitch__EventSubCallbackUrl: Twitch only calls https addresses
    Twitch__BroadcasterUserId is not set, and Production needs it
    Twitch__HelixClientId: the client id is empty or not allowed in a header
    Roulette__CycleSeconds: collecting must end before the cycle does
    Payouts__SweepSeconds: must be at least 1
    ");
}

#[test]
fn lengths_are_not_weighed_against_each_other_while_one_of_them_is_wrong() {
    let error = refusal(None, &[("Roulette__CycleSeconds", "hush"), ("Roulette__CollectingSeconds", "1000")]);
    assert_eq!(error.lines().count(), 1, "{error}");
}

#[test]
fn the_database_alone_is_what_the_operators_commands_need() {
    let needs = |settings| needs::of_the_database(&settings).iter().map(ToString::to_string).collect::<Vec<_>>();
    let missing = "Twitch__BroadcasterUserId is not set, and Production needs it";
    assert_eq!(needs(settings(&[])), [missing, "ConnectionStrings__PostgreSQL is not set"]);
    let database = ("ConnectionStrings__PostgreSQL", "Host=h;Username=u");
    assert_eq!(needs(settings(&[database])), [missing]);
    assert!(needs(settings(&[database, ("Mgm__Environment", "Development")])).is_empty());
    let absent = ("ConnectionStrings__PostgreSQL", "Host=h;Username=u;Root Certificate=/nowhere/hush.pem");
    let said = needs(settings(&[absent, ("Mgm__Environment", "Development")]));
    assert!(said[0].contains("Root Certificate") && !said[0].contains("hush"), "{said:?}");
}
