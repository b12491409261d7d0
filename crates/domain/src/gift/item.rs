//! The item that is given.

use serde::{Deserialize, Serialize};

/// An item in the streamer's bags, as the game's addon describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// Its name.
    pub name: String,
    /// The game's number for the item.
    pub id: u32,
    /// How many of it.
    pub count: u32,
    /// The link that shows it in the game's chat.
    pub link: String,
    /// The path of its picture.
    pub texture: String,
    /// The bag that it is in; some of the game's bag numbers are negative.
    pub bag_id: i32,
    /// Its slot in the bag.
    pub slot_id: i32,
}

/// An item that can be given: at least one of it, with a name, and with texts that can be stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Item", into = "Item")]
pub struct SelectedItem(Item);

/// Why an item cannot be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidItem {
    /// The name is blank.
    #[error("the item has no name")]
    NoName,
    /// The count is 0.
    #[error("the item's count is 0")]
    NoneOfIt,
    /// A text is longer than [`SelectedItem::MAX_TEXT_CHARACTERS`].
    #[error("a text of the item is longer than {} characters", SelectedItem::MAX_TEXT_CHARACTERS)]
    TooLong,
    /// A text holds a control character, which the game's texts never do (and PostgreSQL stores no NUL).
    #[error("a text of the item holds a control character")]
    ControlCharacter,
}

impl SelectedItem {
    /// The longest name, link or texture, in characters. The game's links have about a hundred.
    pub const MAX_TEXT_CHARACTERS: usize = 1024;

    /// Accepts the item if it can be given.
    pub fn parse(item: Item) -> Result<Self, InvalidItem> {
        let texts = [&item.name, &item.link, &item.texture];
        if item.name.trim().is_empty() {
            Err(InvalidItem::NoName)
        } else if item.count == 0 {
            Err(InvalidItem::NoneOfIt)
        } else if texts.iter().any(|text| text.chars().count() > Self::MAX_TEXT_CHARACTERS) {
            Err(InvalidItem::TooLong)
        } else if texts.iter().any(|text| text.chars().any(char::is_control)) {
            Err(InvalidItem::ControlCharacter)
        } else {
            Ok(Self(item))
        }
    }

    /// The item.
    #[must_use]
    pub const fn as_item(&self) -> &Item {
        &self.0
    }
}

impl TryFrom<Item> for SelectedItem {
    type Error = InvalidItem;

    fn try_from(item: Item) -> Result<Self, InvalidItem> {
        Self::parse(item)
    }
}

impl From<SelectedItem> for Item {
    fn from(selected: SelectedItem) -> Self {
        selected.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linen() -> Item {
        Item {
            name: "Льняная ткань".to_owned(),
            id: 2589,
            count: 20,
            link: "|cffffffff|Hitem:2589:0:0:0:0:0:0:0:80|h[Льняная ткань]|h|r".to_owned(),
            texture: r"Interface\Icons\INV_Fabric_Linen_01".to_owned(),
            bag_id: -1,
            slot_id: 3,
        }
    }

    #[test]
    fn an_item_of_the_game_can_be_given() {
        assert_eq!(SelectedItem::parse(linen()).unwrap().as_item(), &linen());
    }

    #[test]
    fn what_cannot_be_given_or_kept_is_refused() {
        let refusal = |change: fn(&mut Item)| {
            let mut item = linen();
            change(&mut item);
            SelectedItem::parse(item).unwrap_err()
        };
        assert_eq!(refusal(|item| item.name = " ".to_owned()), InvalidItem::NoName);
        assert_eq!(refusal(|item| item.count = 0), InvalidItem::NoneOfIt);
        assert_eq!(refusal(|item| item.link = "x".repeat(1025)), InvalidItem::TooLong);
        assert_eq!(refusal(|item| item.texture = "a\0b".to_owned()), InvalidItem::ControlCharacter);
    }
}
