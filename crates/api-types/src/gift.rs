use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

crate::names! {
    /// Where a gift request stands.
    GiftState {
        /// In the queue.
        Pending = "Pending",
        /// Its turn: the streamer selects the item.
        SelectingItem = "SelectingItem",
        /// The item is on its way; the receiver confirms it.
        WaitingConfirmation = "WaitingConfirmation",
        /// The receiver has it. Terminal.
        Completed = "Completed",
        /// It came to nothing. Terminal.
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
    /// The game's number of the item.
    #[schema(maximum = 4_294_967_295_u32)]
    pub id: u32,
    /// How many.
    #[schema(minimum = 1, maximum = 4_294_967_295_u32)]
    pub count: u32,
    /// The link that shows it in the game's chat.
    #[schema(max_length = 1024)]
    pub link: String,
    /// The path of its picture.
    #[schema(max_length = 1024)]
    pub texture: String,
    /// The bag that it is in; the game counts some of them below zero.
    pub bag_id: i32,
    /// Its place in the bag.
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
    /// Who asked.
    pub viewer_id: String,
    /// Their display name then.
    pub viewer_display_name: String,
    /// The character that is to get the gift, as the viewer typed it.
    pub character_name: String,
    /// The same name in the game's spelling: the first letter upper case, the rest lower.
    pub in_game_name: String,
    /// Where it stands.
    pub state: GiftState,
    /// What is given, once it is selected.
    #[schema(required)]
    pub selected_item: Option<GiftItem>,
    /// Its place in the queue, from 1; 0 when it has ended.
    pub queue_position: u32,
    /// How long it is reckoned to wait for its turn, in seconds.
    pub estimated_wait_seconds: u64,
    /// When it was received.
    #[serde(with = "crate::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: OffsetDateTime,
    /// When it last changed.
    #[serde(with = "crate::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: OffsetDateTime,
    /// When `SelectingItem` or `WaitingConfirmation` times out.
    #[serde(with = "crate::timestamp::option")]
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub timeout_at: Option<OffsetDateTime>,
    /// Why it came to nothing: `selection_timeout`, `confirmation_timeout`, `receiver_declined`, or what the desktop gave.
    #[schema(required)]
    pub failure_reason: Option<String>,
}

/// Another viewer's gift request, as a viewer is told of it: that there is one, and nothing by which it could be named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"state": "SelectingItem", "queuePosition": 1}))]
pub struct GiftOfAnother {
    /// Where it stands.
    pub state: GiftState,
    /// Its place in the queue, from 1.
    pub queue_position: u32,
}

/// A gift request in the queue that a viewer is shown: whole where it is their own.
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
    /// The character that is to get the gift.
    pub character_name: String,
}

/// The desktop asks for a state; it may only set `Failed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"state": "Failed", "reason": "out_of_stock"}))]
pub struct ChangeGiftState {
    /// Which.
    pub state: GiftState,
    /// Why, of which 300 characters are kept; without it `failed`.
    #[serde(default)]
    pub reason: Option<String>,
}

/// The desktop has the item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"item": {"name": "Linen Cloth", "id": 2589, "count": 20, "link": "|cffffffff|Hitem:2589:0:0:0:0:0:0:0:80|h[Linen Cloth]|h|r",
        "texture": "Interface\\Icons\\INV_Fabric_Linen_01", "bagId": 0, "slotId": 1}}))]
pub struct SelectGiftItem {
    /// Which.
    pub item: GiftItem,
}

/// The receiver has answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"confirmed": true}))]
pub struct ConfirmGift {
    /// Whether they have it; else they declined.
    pub confirmed: bool,
}
