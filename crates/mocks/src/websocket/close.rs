//! Why Twitch closes a connection.

/// The reasons of <https://dev.twitch.tv/docs/eventsub/handling-websocket-events/#close-message>.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum CloseCode {
    InternalError,
    InboundTraffic,
    FailedPingPong,
    Unused,
    GraceExpired,
    NetworkTimeout,
    NetworkError,
    InvalidReconnect,
}

impl CloseCode {
    const ALL: [Self; 8] = [
        Self::InternalError,
        Self::InboundTraffic,
        Self::FailedPingPong,
        Self::Unused,
        Self::GraceExpired,
        Self::NetworkTimeout,
        Self::NetworkError,
        Self::InvalidReconnect,
    ];

    /// The reason with this code.
    pub(crate) fn of(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }

    pub(super) const fn code(self) -> u16 {
        match self {
            Self::InternalError => 4000,
            Self::InboundTraffic => 4001,
            Self::FailedPingPong => 4002,
            Self::Unused => 4003,
            Self::GraceExpired => 4004,
            Self::NetworkTimeout => 4005,
            Self::NetworkError => 4006,
            Self::InvalidReconnect => 4007,
        }
    }

    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::InternalError => "internal server error",
            Self::InboundTraffic => "client sent inbound traffic",
            Self::FailedPingPong => "client failed ping-pong",
            Self::Unused => "connection unused",
            Self::GraceExpired => "reconnect grace time expired",
            Self::NetworkTimeout => "network timeout",
            Self::NetworkError => "network error",
            Self::InvalidReconnect => "invalid reconnect attempt",
        }
    }

    /// The status of the session's subscriptions from then on.
    pub(super) const fn status(self) -> &'static str {
        match self {
            Self::InternalError => "websocket_internal_error",
            Self::InboundTraffic => "websocket_received_inbound_traffic",
            Self::FailedPingPong => "websocket_failed_ping_pong",
            Self::Unused => "websocket_connection_unused",
            Self::GraceExpired | Self::InvalidReconnect => "websocket_failed_to_reconnect",
            Self::NetworkTimeout => "websocket_network_timeout",
            Self::NetworkError => "websocket_network_error",
        }
    }
}

/// The status of subscriptions whose client has closed the connection.
pub(super) const DISCONNECTED: &str = "websocket_disconnected";
