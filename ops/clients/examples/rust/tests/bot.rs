//! A test of the bot against the stand-in for Twitch: `cargo test`.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};
use reqwest::Client;
use serde_json::{Value, json};

/// A program that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the stand-ins; returns what they print when they are ready.
fn start_mocks() -> Result<(Running, Value)> {
    let mut command = Command::new("mgm");
    command.args(["mocks", "--json", "--auto-ports", "--fixture", "../world.toml"]);
    let mut mocks = command.stdout(Stdio::piped()).spawn()?;
    let mut line = String::new();
    BufReader::new(mocks.stdout.take().context("there is no output")?).read_line(&mut line)?;
    Ok((Running(mocks), serde_json::from_str(&line)?))
}

#[tokio::test]
async fn the_bot_greets() -> Result<()> {
    let (_mocks, ready) = start_mocks()?;
    let services = ready["services"].as_array().context("services")?;
    let helix = services.iter().find(|service| service["name"] == "mock-helix").context("MockHelixApi")?;
    let address = helix["url"].as_str().context("its address")?;
    // Among the variables are TWITCH_HELIX_URL and TWITCH_OAUTH2_URL.
    let variables = ready["variables"].as_object().context("variables")?;
    let variables = variables.iter().filter_map(|(name, value)| Some((name, value.as_str()?)));
    let _bot = Running(Command::new(env!("CARGO_BIN_EXE_bot")).envs(variables).spawn()?);

    let http = Client::new();
    let get = async |path: &str| http.get(format!("{address}{path}")).send().await?.error_for_status();
    get("/admin/deliveries?message_type=webhook_callback_verification&count=1&wait_seconds=10").await?;
    let said = json!({"broadcaster_id": "1001", "user_id": "1002", "text": "!hello"});
    http.post(format!("{address}/admin/chat")).json(&said).send().await?.error_for_status()?;
    get("/requests/wait?path=/mock/chat/messages&count=1").await?;
    let sent: Value = get("/sent").await?.json().await?;
    assert_eq!(sent["messages"], json!(["Hello, Ann!"]));
    Ok(())
}
