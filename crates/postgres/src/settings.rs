//! The settings that a server is started with, as arguments of `postgres`.

use std::ffi::OsString;
use std::path::Path;

use crate::options::{Data, Durability, ServerOptions};

/// Enough for several backend processes with a pool each, or for many tests at once.
const MAX_CONNECTIONS: &str = "200";

/// The arguments of `postgres` for a server at `port` on loopback or, with `socket`, only in that directory.
pub(crate) fn arguments(options: &ServerOptions, data: &Path, port: u16, socket: Option<&Path>) -> Vec<OsString> {
    let mut settings: Vec<(String, OsString)> = Vec::new();
    let mut set = |name: &str, value: &dyn AsRef<std::ffi::OsStr>| {
        settings.push((name.to_owned(), value.as_ref().to_owned()));
    };
    set("port", &port.to_string());
    match socket {
        None => {
            set("listen_addresses", &"127.0.0.1");
            set("unix_socket_directories", &"");
        }
        Some(directory) => {
            set("listen_addresses", &"");
            set("unix_socket_directories", &directory);
            set("unix_socket_permissions", &"0700");
        }
    }
    set("cluster_name", &"mgm");
    set("max_connections", &MAX_CONNECTIONS);
    set("timezone", &"UTC");
    set("log_timezone", &"UTC");
    let durability = match options.durability {
        Durability::On => "on",
        Durability::Off => "off",
    };
    set("fsync", &durability);
    set("full_page_writes", &durability);
    // A commit has left the server process, even if nobody waits for the disk: a crash of the server loses nothing.
    set("synchronous_commit", &"on");
    if options.data == Data::ThrowAway {
        // Whatever ends the server, all that it leaves is in its directory and not in the system's shared memory.
        set("dynamic_shared_memory_type", &"mmap");
    }
    for (name, value) in &options.settings {
        set(name, value);
    }
    let mut arguments = vec![OsString::from("-D"), data.into()];
    for (name, value) in settings {
        let mut setting = OsString::from(format!("--{name}="));
        setting.push(value);
        arguments.push(setting);
    }
    arguments
}
