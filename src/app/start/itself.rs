//! The facts that a starting node tells other nodes about itself.

use uuid::Uuid;

use super::Setup;
use crate::app::config::Node;
use crate::foundation::crypto;
use crate::nats::Founder;
use crate::node::guard;
use rules::presence::{self, Digest, Life};

/// This node, as others know it, with a new instance.
pub(super) fn of(node: &Node, setup: &Setup) -> presence::Node {
    let rules = crypto::sha256_hex(setup.targets.policy.meaning().as_bytes());
    presence::Node {
        instance: Uuid::new_v4(),
        name: setup.access.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        role: setup.role.told(),
        setup: Some(presence::Setup {
            rules: Digest::of(&rules),
            access: setup.role.serves().then(|| Digest::of(&setup.permissions.digest())),
            dev: setup.inbox.is_some(),
            installation: node.installation.clone(),
        }),
    }
}

/// The knowledge that keeps this node from creating a bucket next to remains of timers.
pub(super) fn founder(itself: &presence::Node, setup: &Setup) -> Founder {
    Founder {
        remembers: setup.guard_file().filter(|file| guard::remembers_timers(file)),
        greeting: presence::Beat {
            node: itself.clone(),
            life: Life::Running,
            clock: setup.access.clock.world(),
            seen: 0,
        },
    }
}
