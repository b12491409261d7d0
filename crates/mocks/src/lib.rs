//! The stand-ins for every outside party: Twitch's webhooks, tokens and REST interface, and the streamer's desktop program.
