//! The top-level modules of a crate are its rooms. Like crates, they never import one another in a circle.

mod imports;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use imports::{Imports, Module, circles};

/// What each room of the backend may import: a room, or only one of its modules.
const BACKEND: [(&str, &[&str]); 12] = [
    ("chat", &["config", "http::codes", "metrics", "text", "work::enroller"]),
    ("cli", &["config::database", "process", "trace::export"]),
    ("config", &[]),
    ("http", &["config::channel", "metrics", "text", "trace"]),
    ("metrics", &[]),
    ("process", &["config", "metrics", "routes", "twitch", "work::workers"]),
    ("retry", &[]),
    ("routes", &["chat", "config", "http", "metrics", "text", "twitch", "work"]),
    ("text", &[]),
    ("trace", &[]),
    ("twitch", &["config", "metrics", "retry", "text"]),
    ("work", &["config", "metrics", "retry", "text", "trace", "twitch"]),
];

/// The crates that a room of the backend must not use.
const HIDDEN: [(&str, &[&str]); 6] = [
    ("chat", &["axum", "sqlx"]),
    ("config", &["mgm_store", "sqlx"]),
    ("http", &["mgm_store", "sqlx"]),
    ("routes", &["sqlx"]),
    ("twitch", &["axum", "sqlx"]),
    ("work", &["axum", "sqlx"]),
];

fn crates() -> impl Iterator<Item = (String, Imports)> {
    let all = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).expect("the crates lie beside this one");
    all.map(|entry| {
        let path = entry.expect("the crates can be read").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("names of crates are text").to_owned();
        (name, Imports::of(&path.join("src")))
    })
}

fn backend() -> Imports {
    Imports::of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../backend/src"))
}

/// The first module of a path; the crate itself for its root.
fn room(module: &Module) -> Module {
    module.iter().take(1).cloned().collect()
}

/// The arrows between rooms.
fn rooms(imports: &Imports) -> BTreeMap<Module, BTreeSet<Module>> {
    let mut rooms = BTreeMap::<_, BTreeSet<_>>::new();
    for (module, imported) in imports.arrows() {
        let own = room(&module);
        let others = imported.iter().map(room).filter(|other| *other != own);
        rooms.entry(own.clone()).or_default().extend(others);
    }
    rooms
}

fn module(path: &str) -> Module {
    path.split("::").filter(|segment| !segment.is_empty()).map(ToOwned::to_owned).collect()
}

#[test]
fn an_import_is_found_however_it_is_written() {
    let files = [
        ("", "pub mod a; mod b; mod c; pub use c::{Handed, deep::Deeper as Renamed}; use b::Used;"),
        ("a", "use crate::{b::{self, X}, c::*};"),
        ("b", "fn f() { crate::c::g(); }"),
        ("c", "pub(in crate::a) mod deep; mod inner { use super::super::a::Y; use super::Own; } use self::deep::Z;"),
        ("c::deep", "use super::Own; fn f() { call!(crate::Renamed, \"crate::a\") } // crate::a\n"),
        ("d", "use super::Handed;"),
    ];
    let imports = Imports::from_texts(files.map(|(path, text)| (module(path), text)));
    let shown = |(from, to): (Module, BTreeSet<Module>)| {
        format!("{} -> {}", from.join("::"), to.iter().map(|to| to.join("::")).collect::<Vec<_>>().join(", "))
    };
    insta::assert_snapshot!(imports.arrows().into_iter().map(shown).collect::<Vec<_>>().join("\n"), @"
     -> b
    a -> b, c
    b -> c
    c -> a, c::deep
    c::deep -> c
    d -> c
    ");
    let found = circles(&imports.arrows());
    assert_eq!(found, [["a", "b", "c", "c::deep"].map(module).into()], "d imports and is not imported");
}

#[test]
fn the_rooms_of_a_crate_import_one_another_one_way() {
    for (name, imports) in crates() {
        let circles = circles(&rooms(&imports));
        assert!(circles.is_empty(), "in {name} these import one another: {circles:?}");
    }
}

#[test]
fn the_files_of_a_crate_import_one_another_one_way() {
    for (name, imports) in crates() {
        let circles = circles(&imports.arrows());
        assert!(circles.is_empty(), "in {name} these import one another: {circles:?}");
    }
}

#[test]
fn the_rooms_of_the_backend_import_what_they_may() {
    let allowed = BTreeMap::from(BACKEND);
    let arrows = backend().arrows();
    let is_program = |room: &Module| room.is_empty();
    let all: BTreeSet<_> = arrows.keys().map(room).filter(|room| !is_program(room)).collect();
    assert_eq!(all, allowed.keys().map(|room| vec![(*room).to_owned()]).collect(), "every room has its arrows");
    for (module, imported) in arrows.iter().filter(|(module, _)| !is_program(module)) {
        for target in imported.iter().filter(|target| room(target) != room(module)) {
            let (from, to) = (module.join("::"), target.join("::"));
            let may = |arrow: &&str| to == *arrow || to.starts_with(&format!("{arrow}::"));
            assert!(allowed[module[0].as_str()].iter().any(may), "{from} must not import {to}");
        }
    }
}

#[test]
fn the_rooms_of_the_backend_see_no_crate_that_they_must_not() {
    let backend = backend();
    for (own, hidden) in HIDDEN {
        for hidden in hidden {
            let seen: Vec<_> = backend.users_of(hidden).filter(|module| room(module) == [own]).collect();
            assert!(seen.is_empty(), "{seen:?} must not see {hidden}");
        }
    }
}

#[test]
fn the_metrics_of_the_backend_are_named_in_one_room() {
    let backend = backend();
    for name in ["counter", "gauge", "histogram"] {
        let callers: BTreeSet<_> = backend.callers_of(name).map(room).collect();
        assert_eq!(callers, BTreeSet::from([vec!["metrics".to_owned()]]), "{name}!");
    }
}
