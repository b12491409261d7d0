use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The running version, and the minimum versions of the other programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "version": "1.4.0", "releaseNotesUrl": "https://example.com/releases/1.4.0", "minimumDesktopVersion": "1.2.0",
    "minimumAddonVersion": "1.0.0", "minimumExtensionVersion": null,
}))]
pub struct Version {
    /// The backend's version.
    pub version: String,
    /// The URL of the release notes.
    #[schema(required)]
    pub release_notes_url: Option<String>,
    /// The oldest desktop program that may be used.
    #[schema(required)]
    pub minimum_desktop_version: Option<String>,
    /// The oldest game addon that may be used.
    #[schema(required)]
    pub minimum_addon_version: Option<String>,
    /// The oldest Extension that may be used.
    #[schema(required)]
    pub minimum_extension_version: Option<String>,
}
