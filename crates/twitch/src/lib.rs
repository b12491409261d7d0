//! Twitch's protocols: EventSub webhooks, Extension tokens and the Helix REST interface.
