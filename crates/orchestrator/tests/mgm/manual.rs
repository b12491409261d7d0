//! The manual pages, as packages install them.

use crate::harness::Place;

#[test]
fn the_pages_of_the_backends_command_line_are_left_to_its_own_program() {
    let place = Place::new();
    let said = place.run(&format!("manual {}", place.path("manual").display()));
    assert_eq!(said.status, Some(0), "{said:?}");
    let pages = std::fs::read_dir(place.path("manual")).unwrap();
    let pages: Vec<_> = pages.map(|page| page.unwrap().file_name().into_string().unwrap()).collect();
    assert!(pages.contains(&"mgm.1".to_owned()) && pages.contains(&"mgm-tier-b.1".to_owned()), "{pages:?}");
    assert!(!pages.iter().any(|page| page.starts_with("mgm-backend")), "{pages:?}");
}
