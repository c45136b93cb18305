use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::sync::Mutex;

use crate::{RoomPage, eventually};

/// How long two may take to connect once both codes are in.
const PATIENCE: Duration = Duration::from_secs(40);

/// Carries codes between the browsers of one test, as people do where a browser refuses changed credentials.
///
/// Such a browser cannot be dialled through the phone book, nor call anybody after its page was loaded again. So whenever a
/// page of a room is opened or loaded again that cannot find the others by itself, the courier has one of them invite it.
/// From then on introductions and redial have to do.
#[derive(Debug, Default)]
pub(crate) struct Courier {
    members: Mutex<Vec<Member>>,
}

#[derive(Debug, Clone)]
struct Member {
    /// Of the page. It names the room.
    url: String,
    page: RoomPage,
}

impl Courier {
    /// Somebody opened the room, or loaded its page `again`.
    pub(crate) async fn arrived(&self, page: &RoomPage, again: bool) -> Result<()> {
        let url = page.tab().url().await?;
        // Until the codes are carried: one at a time.
        let mut members = self.members.lock().await;
        let mut hosts = Vec::new();
        for member in members.iter().filter(|member| member.url == url && !member.page.tab().is(page.tab())) {
            // Others are closed, crashed, or elsewhere by now.
            if member.page.tab().url().await.is_ok_and(|now| now == url) {
                hosts.push(member.page.clone());
            }
        }
        if !members.iter().any(|member| member.url == url && member.page.tab().is(page.tab())) {
            members.push(Member { url: url.clone(), page: page.clone() });
        }
        match host_for(page, &hosts, again) {
            Some(host) => exchange(host, page).await,
            None => Ok(()),
        }
    }
}

/// Who of these has to invite the page, if it cannot do without.
fn host_for<'a>(page: &RoomPage, hosts: &'a [RoomPage], again: bool) -> Option<&'a RoomPage> {
    let browser = page.tab().browser();
    // Another tab has the connections.
    let is_connected = hosts.iter().any(|host| Arc::ptr_eq(host.tab().browser(), browser));
    // Two that do not refuse find each other, and whoever was here until now knows whom to call.
    let can_dial = !browser.refuses() && (again || hosts.iter().any(|host| !host.tab().browser().refuses()));
    if is_connected || can_dial { None } else { hosts.first() }
}

/// By hand, the way people do it.
async fn exchange(host: &RoomPage, guest: &RoomPage) -> Result<()> {
    let invitation = host.invite().await?;
    guest.tab().goto(&invitation).await?;
    host.paste_reply(&guest.reply().await?).await?;
    for page in [host, guest] {
        let connected = || page.tab().find("button", "Done");
        eventually("connected by code", PATIENCE, connected).await?;
        page.tab().click("button", "Done").await?;
        page.tab().wait_gone("dialog", "Connect by code").await?;
    }
    Ok(())
}
