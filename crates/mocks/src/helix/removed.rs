//! Endpoints that Twitch has removed.

use http::{Method, StatusCode};

use crate::call::Answer;

/// The endpoints, and the methods that they had, by the official tool's stand-in.
const REMOVED: [(&str, &[&str]); 6] = [
    ("/tags/streams", &["GET"]),
    ("/streams/tags", &["GET", "POST", "PUT"]),
    ("/soundtrack/current_track", &["GET"]),
    ("/soundtrack/playlist", &["GET"]),
    ("/soundtrack/playlists", &["GET"]),
    ("/users/follows", &["GET"]),
];

/// The answer of a removed endpoint, for the methods that it had.
pub(super) fn answer(method: &Method, path: &str) -> Option<Answer> {
    let path = ["/helix", "/mock"].into_iter().find_map(|prefix| path.strip_prefix(prefix))?;
    let (_, methods) = REMOVED.into_iter().find(|(removed, _)| *removed == path)?;
    methods.contains(&method.as_str()).then(|| Answer::error(StatusCode::GONE, "The API is deprecated."))
}
