use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

crate::names! {
    /// The status of a gift request.
    GiftState {
        /// In the queue.
        Pending = "Pending",
        /// Its turn: the streamer selects the item.
        SelectingItem = "SelectingItem",
        /// The item is on its way; the receiver confirms it.
        WaitingConfirmation = "WaitingConfirmation",
        /// The receiver has it. Terminal.
        Completed = "Completed",
        /// It failed. Terminal.
        Failed = "Failed",
    }
}

/// An item in the streamer's bags, as the game's addon describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"name": "Linen Cloth", "id": 2589, "count": 20, "link": "|cffffffff|Hitem:2589:0:0:0:0:0:0:0:80|h[Linen Cloth]|h|r",
        "texture": "Interface\\Icons\\INV_Fabric_Linen_01", "bagId": 0, "slotId": 1}))]
pub struct GiftItem {
    /// Its name.
    #[schema(min_length = 1, max_length = 1024)]
    pub name: String,
    /// The game's number for the item.
    #[schema(maximum = 4_294_967_295_u32)]
    pub id: u32,
    /// How many of it.
    #[schema(minimum = 1, maximum = 4_294_967_295_u32)]
    pub count: u32,
    /// The link that shows it in the game's chat.
    #[schema(max_length = 1024)]
    pub link: String,
    /// The path of its picture.
    #[schema(max_length = 1024)]
    pub texture: String,
    /// The bag that it is in; some of the game's bag numbers are negative.
    pub bag_id: i32,
    /// Its slot in the bag.
    pub slot_id: i32,
}

/// A gift request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "01a2083d-f55b-7f56-99d7-afc24fe80636", "streamerId": "1337", "viewerId": "4145994",
    "viewerDisplayName": "VIPtest", "characterName": "etoehero", "inGameName": "Etoehero", "state": "SelectingItem",
    "selectedItem": null, "queuePosition": 1, "estimatedWaitSeconds": 0, "createdAt": "2026-01-02T03:05:10.000Z",
    "updatedAt": "2026-01-02T03:05:10.000Z", "timeoutAt": "2026-01-02T03:06:10.000Z", "failureReason": null,
}))]
pub struct Gift {
    /// Its id.
    pub id: Uuid,
    /// The broadcaster who gives.
    pub streamer_id: String,
    /// The viewer who asked.
    pub viewer_id: String,
    /// The viewer's display name at that time.
    pub viewer_display_name: String,
    /// The character that gets the gift, as the viewer typed it.
    pub character_name: String,
    /// The same name in the game's spelling: the first letter in upper case, the rest in lower case.
    pub in_game_name: String,
    /// Its state.
    pub state: GiftState,
    /// The item, once it is selected.
    #[schema(required)]
    pub selected_item: Option<GiftItem>,
    /// Its place in the queue, from 1; 0 when it has ended.
    pub queue_position: u32,
    /// The estimated wait for its turn, in seconds.
    pub estimated_wait_seconds: u64,
    /// When it was received, by the backend's clock.
    #[serde(with = "crate::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: OffsetDateTime,
    /// When it last changed, by the backend's clock.
    #[serde(with = "crate::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: OffsetDateTime,
    /// When `SelectingItem` or `WaitingConfirmation` times out, by the backend's clock.
    #[serde(with = "crate::timestamp::option")]
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub timeout_at: Option<OffsetDateTime>,
    /// Why it failed: `selection_timeout`, `confirmation_timeout`, `receiver_declined`, or the desktop program's reason.
    #[schema(required)]
    pub failure_reason: Option<String>,
}

/// Another viewer's gift request as shown to a viewer: only that there is one, and nothing that identifies it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"state": "SelectingItem", "queuePosition": 1}))]
pub struct GiftOfAnother {
    /// Its state.
    pub state: GiftState,
    /// Its place in the queue, from 1.
    pub queue_position: u32,
}

/// A gift request in the queue as shown to a viewer: complete if it is their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
#[schema(example = json!({"state": "SelectingItem", "queuePosition": 1}))]
pub enum QueuedGift {
    /// The viewer's own.
    Own(Box<Gift>),
    /// Another viewer's.
    OfAnother(GiftOfAnother),
}

/// A viewer asks for a gift.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"streamerId": "1337", "characterName": "Etoehero"}))]
pub struct RequestGift {
    /// The broadcaster who is asked.
    pub streamer_id: String,
    /// The character that gets the gift.
    pub character_name: String,
}

/// The desktop program asks for a state; it may only set `Failed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"state": "Failed", "reason": "out_of_stock"}))]
pub struct ChangeGiftState {
    /// The requested state.
    pub state: GiftState,
    /// Why, of which 300 characters are kept; without it `failed`.
    #[serde(default)]
    pub reason: Option<String>,
}

/// The desktop program has selected the item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"item": {"name": "Linen Cloth", "id": 2589, "count": 20, "link": "|cffffffff|Hitem:2589:0:0:0:0:0:0:0:80|h[Linen Cloth]|h|r",
        "texture": "Interface\\Icons\\INV_Fabric_Linen_01", "bagId": 0, "slotId": 1}}))]
pub struct SelectGiftItem {
    /// The selected item.
    pub item: GiftItem,
}

/// The receiver has answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"confirmed": true}))]
pub struct ConfirmGift {
    /// Whether they received it; otherwise they declined.
    pub confirmed: bool,
}
