use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::json;
use thirtyfour::Key;

use crate::{Browser, Site, Tab, eventually};

/// How long two browsers may take to find each other or to tell each other something. Not a measure of speed.
const PATIENCE: Duration = Duration::from_secs(60);

/// One line of the list `Tasks`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct TaskLine {
    /// The accessible name of its checkbox.
    pub title: String,
    /// Whether the checkbox is checked.
    pub done: bool,
}

/// What the dialog `Task` holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    /// Textbox `Title`.
    pub title: String,
    /// Textbox `Notes`.
    pub notes: String,
    /// Textbox `Assignee`.
    pub assignee: String,
    /// Textbox `Due`.
    pub due: String,
    /// The text of the option chosen in the combobox `Status`.
    pub status: String,
    /// The text of the option chosen in the combobox `Priority`.
    pub priority: String,
}

/// A room link, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomLink {
    /// The whole link.
    pub url: String,
    /// The room's UUID.
    pub room: String,
    /// The secret, in base64url as it stands in the link.
    pub secret: String,
}

/// The app as a person in a room uses it.
#[derive(Debug, Clone)]
pub struct RoomPage {
    tab: Tab,
}

impl RoomLink {
    /// Takes a link apart.
    pub fn parse(url: &str) -> Result<Self> {
        let (_, fragment) = url.split_once('#').context("a room link has a fragment")?;
        let (room, secret) = fragment.split_once('.').context("a room link names a room and a secret")?;
        ensure!(
            room.len() == 36 && secret.len() == 43,
            "not a room link: {} and {} characters",
            room.len(),
            secret.len()
        );
        Ok(Self { url: url.to_owned(), room: room.to_owned(), secret: secret.to_owned() })
    }

    /// The same room with another secret.
    pub fn with_wrong_secret(&self) -> Self {
        let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(&self.secret).unwrap_or_default();
        for byte in &mut bytes {
            *byte ^= 0x5a;
        }
        let secret = BASE64_URL_SAFE_NO_PAD.encode(bytes);
        Self { url: self.url.replace(&self.secret, &secret), room: self.room.clone(), secret }
    }

    /// The same link at another origin.
    pub fn at(&self, site: &Site) -> Result<Self> {
        Self::parse(&format!("{}/#{}.{}", site.origin(), self.room, self.secret))
    }

    /// The secret in every form in which it could be written down: raw, base64url, base64, hexadecimal.
    pub fn secret_forms(&self) -> Result<Vec<Vec<u8>>> {
        let raw = BASE64_URL_SAFE_NO_PAD.decode(&self.secret)?;
        let hex: String = raw.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut forms = vec![self.secret.clone(), BASE64_STANDARD_NO_PAD.encode(&raw), hex.to_uppercase(), hex];
        // In a JSON array or a form, too.
        forms.push(raw.iter().map(u8::to_string).collect::<Vec<_>>().join(","));
        forms.push(BASE64_STANDARD.encode(&raw).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D"));
        Ok(forms.into_iter().map(String::into_bytes).chain([raw]).collect())
    }
}

impl RoomPage {
    /// Opens the app and makes a room.
    pub async fn make_room(browser: &std::sync::Arc<Browser>, site: &Site, name: &str) -> Result<Self> {
        let tab = browser.open(&site.origin()).await?;
        tab.click("button", "New room").await?;
        tab.fill("Room name", name).await?;
        tab.click("button", "Create").await?;
        Self::wait_open(tab).await
    }

    /// Opens a room link in a new tab, which joins the room.
    pub async fn open(browser: &std::sync::Arc<Browser>, url: &str) -> Result<Self> {
        Self::wait_open(browser.open(url).await?).await
    }

    /// Opens the app and joins a room by pasting its link.
    pub async fn paste(browser: &std::sync::Arc<Browser>, site: &Site, link: &RoomLink) -> Result<Self> {
        let tab = browser.open(&site.origin()).await?;
        tab.click("button", "Join a room").await?;
        tab.fill("Room link", &link.url).await?;
        tab.click("button", "Join").await?;
        Self::wait_open(tab).await
    }

    /// Waits until the tab shows a room.
    pub async fn wait_open(tab: Tab) -> Result<Self> {
        let page = Self { tab };
        page.arrive(false).await?;
        Ok(page)
    }

    /// Waits for the room, and for the codes that its browser needs.
    async fn arrive(&self, again: bool) -> Result<()> {
        eventually("the room is open", PATIENCE, || self.tab.find("textbox", "Add a task")).await?;
        match self.tab.browser().courier() {
            Some(courier) => courier.arrived(self, again).await,
            None => Ok(()),
        }
    }

    /// The app in `tab`, whatever it shows.
    pub fn in_tab(tab: Tab) -> Self {
        Self { tab }
    }

    /// The tab it is in.
    pub fn tab(&self) -> &Tab {
        &self.tab
    }

    /// Reloads the page and waits for the room.
    pub async fn reload(&self) -> Result<()> {
        self.tab.reload().await?;
        self.arrive(true).await
    }

    /// Has the browser use this STUN server, from the next connection that it makes.
    pub async fn use_stun(&self, uri: &str) -> Result<()> {
        self.tab.click("button", "Devices").await?;
        self.tab.fill("STUN servers", uri).await?;
        // Leaving the field is what changes it.
        self.tab.press("" + Key::Tab).await?;
        self.close_dialog("Devices").await?;
        self.reload().await
    }

    /// Opens the dialog `Connect by code` and gives the invitation's link.
    pub async fn invite(&self) -> Result<String> {
        self.tab.click("button", "Share").await?;
        self.tab.click("button", "Connect by code").await?;
        self.tab.value("textbox", "Invitation").await
    }

    /// The reply's link, after an invitation was opened.
    pub async fn reply(&self) -> Result<String> {
        self.tab.value("textbox", "Reply").await
    }

    /// Pastes the reply below the invitation.
    pub async fn paste_reply(&self, reply: &str) -> Result<()> {
        self.tab.fill("Reply", reply).await?;
        self.tab.click("button", "Connect").await
    }

    /// The room's link, as the dialog `Share this room` shows it.
    pub async fn share_link(&self) -> Result<RoomLink> {
        self.tab.click("button", "Share").await?;
        self.tab.wait_for("dialog", "Share this room").await?;
        let link = RoomLink::parse(&self.tab.value("textbox", "Room link").await?)?;
        self.close_dialog("Share this room").await?;
        Ok(link)
    }

    /// Closes the open dialog with the Escape key.
    pub async fn close_dialog(&self, name: &str) -> Result<()> {
        self.tab.press("" + Key::Escape).await?;
        self.tab.wait_gone("dialog", name).await
    }

    /// Adds a task and waits until this page shows it.
    pub async fn add(&self, title: &str) -> Result<()> {
        self.tab.fill("Add a task", title).await?;
        self.tab.press("" + Key::Enter).await?;
        self.wait_task(title).await
    }

    /// The list `Tasks`, from top to bottom.
    pub async fn tasks(&self) -> Result<Vec<TaskLine>> {
        // Read even while a dialog covers the list: what is asked is what it says, not whether it can be clicked.
        let script = "
            const list = [...document.querySelectorAll(ROLES.list)].find(list => nameOf(list) === 'Tasks');
            if (!list) {
                if (!document.querySelector('main, body')) throw new Error('no page');
                return [];
            }
            return [...list.querySelectorAll(ROLES.checkbox)].map(box => ({
                title: nameOf(box),
                done: box.checked ?? box.getAttribute('aria-checked') === 'true',
            }));";
        self.tab.execute(script, vec![]).await
    }

    /// Adds so many tasks, `Task 0` and so on, with so many words of notes, by the local endpoint: nobody could type them.
    pub async fn add_many(&self, room: &str, count: usize, words: usize) -> Result<()> {
        let script = "
            const [room, from, to, many, done] = arguments;
            const words = n => Array.from({ length: many }, (_, k) => (n * 7919 + k * 104729) % 99991).join(' ');
            const add = n => fetch(`/peer/v1/rooms/${room}/tasks`, {
                method: 'POST', body: JSON.stringify({ title: `Task ${n}`, notes: words(n) }),
            }).then(answer => answer.ok || Promise.reject(answer.status));
            Promise.all(Array.from({ length: to - from }, (_, k) => add(from + k)))
                .then(() => done(''), error => done(String(error)));";
        for from in (0..count).step_by(200) {
            let to = count.min(from + 200);
            let failure: String =
                self.tab.execute_async(script, vec![json!(room), json!(from), json!(to), json!(words)]).await?;
            ensure!(failure.is_empty(), "adding tasks failed: {failure}");
        }
        Ok(())
    }

    /// Waits until the service worker's own answer has this title, so that it is on disk.
    pub async fn wait_stored(&self, link: &RoomLink, title: &str) -> Result<()> {
        let script = "
            const done = arguments[arguments.length - 1];
            fetch(`/peer/v1/rooms/${arguments[0]}/tasks`).then(answer => answer.json())
                .then(({ tasks }) => done(tasks.map(task => task.title)), error => done([String(error)]));";
        let titles = || self.tab.execute_async::<Vec<String>>(script, vec![json!(link.room)]);
        self.wait(&format!("“{title}” on disk"), titles, |titles| titles.iter().any(|known| known == title))
            .await
            .map(drop)
    }

    /// Waits until this browser keeps where somebody of the room can be called again.
    pub async fn wait_known(&self, link: &RoomLink) -> Result<()> {
        let script = "
            const done = arguments[arguments.length - 1];
            const opening = indexedDB.open('partyline-page');
            opening.onerror = () => done(false);
            opening.onsuccess = () => {
                const database = opening.result;
                const asked = database.transaction('kept').objectStore('kept').get(`${arguments[0]}/contacts`);
                asked.onsuccess = () => { database.close(); done(asked.result?.length > 32); };
            };";
        let known = || self.tab.execute_async::<bool>(script, vec![json!(link.room)]);
        self.wait("where somebody can be called again", known, |known| *known).await.map(drop)
    }

    /// What the tab that holds the connections tells of them, in the app's own words; empty if there is none.
    pub async fn history(&self) -> Result<String> {
        let script = "
            const done = arguments[arguments.length - 1];
            const channel = new BroadcastChannel('partyline-diagnostics');
            const end = text => { channel.close(); done(text); };
            channel.onmessage = ({ data }) => data.length > 1 && end(data[1]);
            setTimeout(end, 2000, '');
            fetch('/peer/v1/rooms').then(answer => answer.json())
                .then(({ rooms }) => rooms.forEach(({ id }) => channel.postMessage([id])), () => end(''));";
        self.tab.execute_async(script, vec![]).await
    }

    /// The titles, from top to bottom.
    pub async fn titles(&self) -> Result<Vec<String>> {
        Ok(self.tasks().await?.into_iter().map(|task| task.title).collect())
    }

    /// Waits until a task with this title is there.
    pub async fn wait_task(&self, title: &str) -> Result<()> {
        let count = || async { Ok(self.titles().await?.iter().filter(|known| *known == title).count()) };
        self.wait(&format!("task “{title}”"), count, |count| *count == 1).await.map(drop)
    }

    /// Waits until no task has this title.
    pub async fn wait_no_task(&self, title: &str) -> Result<()> {
        self.wait(&format!("no task “{title}”"), || self.titles(), |titles| !titles.iter().any(|known| known == title))
            .await
            .map(drop)
    }

    /// Waits until the task is there and done, or there and open.
    pub async fn wait_done(&self, title: &str, done: bool) -> Result<()> {
        let wanted = TaskLine { title: title.to_owned(), done };
        self.wait(&format!("{wanted:?}"), || self.tasks(), |tasks| tasks.contains(&wanted)).await.map(drop)
    }

    /// Waits until the list is exactly this.
    pub async fn wait_tasks(&self, wanted: &[TaskLine]) -> Result<()> {
        self.wait("the same list", || self.tasks(), |tasks| tasks == wanted).await.map(drop)
    }

    /// Clicks the task's checkbox and waits until this page shows the change.
    pub async fn toggle(&self, title: &str) -> Result<()> {
        let before = self.tasks().await?.into_iter().find(|task| task.title == title).context("no such task")?;
        self.tab.click("checkbox", title).await?;
        self.wait_done(title, !before.done).await
    }

    /// Deletes the task by the menu of its row and waits until it is gone here.
    pub async fn delete(&self, title: &str) -> Result<()> {
        self.tab.click("button", &format!("More actions for {title}")).await?;
        self.tab.click("button", &format!("Delete {title}")).await?;
        self.wait_no_task(title).await
    }

    /// Takes the last deletion back.
    pub async fn undo(&self) -> Result<()> {
        self.tab.click("button", "Undo").await
    }

    /// Opens the dialog `Task`.
    pub async fn open_details(&self, title: &str) -> Result<()> {
        self.tab.click("button", &format!("Open {title}")).await?;
        self.tab.wait_for("dialog", "Task").await.map(drop)
    }

    /// Waits until the dialog `Task` is that of the task with this title.
    pub async fn wait_details_of(&self, title: &str) -> Result<()> {
        self.wait("its details", || self.tab.value("textbox", "Title"), |shown| shown == title).await.map(drop)
    }

    /// Closes the dialog `Task` with its button.
    pub async fn close_details(&self) -> Result<()> {
        self.tab.click("button", "Done").await?;
        self.tab.wait_gone("dialog", "Task").await
    }

    /// Opens the task's dialog, replaces the text in the named textboxes, and closes it.
    pub async fn edit(&self, title: &str, fields: &[(&str, &str)]) -> Result<()> {
        self.open_details(title).await?;
        for (name, text) in fields {
            self.tab.fill(name, text).await?;
        }
        self.close_details().await
    }

    /// Opens the task's dialog, chooses a priority by its text, and closes it.
    pub async fn prioritise(&self, title: &str, priority: &str) -> Result<()> {
        self.choose(title, "Priority", priority).await
    }

    /// Opens the task's dialog, chooses an option of the named combobox by its text, and closes it.
    pub async fn choose(&self, title: &str, name: &str, text: &str) -> Result<()> {
        self.open_details(title).await?;
        let script = "
            const [select] = lookup('combobox', arguments[0]);
            const option = [...select.options].find(option => option.text.trim() === arguments[1]);
            if (!option) return [...select.options].map(option => option.text.trim());
            select.value = option.value;
            for (const type of ['input', 'change']) select.dispatchEvent(new Event(type, { bubbles: true }));
            return null;";
        let options: Option<Vec<String>> = self.tab.execute(script, vec![json!(name), json!(text)]).await?;
        ensure!(options.is_none(), "no {name} “{text}” among {options:?}");
        self.close_details().await
    }

    /// What the open dialog `Task` says.
    pub async fn details(&self) -> Result<Details> {
        let script = "
            const [select] = lookup('combobox', arguments[0]);
            return select.selectedOptions[0]?.text.trim() ?? '';";
        let chosen = |name: &str| self.tab.execute::<String>(script, vec![json!(name)]);
        Ok(Details {
            title: self.tab.value("textbox", "Title").await?,
            notes: self.tab.value("textbox", "Notes").await?,
            assignee: self.tab.value("textbox", "Assignee").await?,
            // The field says it in words.
            due: self.tab.execute("return lookup('textbox', 'Due')[0].dataset.day;", vec![]).await?,
            status: chosen("Status").await?,
            priority: chosen("Priority").await?,
        })
    }

    /// Opens the task's dialog, reads it and closes it.
    pub async fn read(&self, title: &str) -> Result<Details> {
        self.open_details(title).await?;
        let details = self.details().await?;
        self.close_details().await?;
        Ok(details)
    }

    /// Waits until the task's details satisfy `wanted`.
    pub async fn wait_details(&self, title: &str, wanted: impl Fn(&Details) -> bool) -> Result<()> {
        self.open_details(title).await?;
        self.wait("the details", || self.details(), wanted).await?;
        self.close_details().await
    }

    /// The text of the status region `Connection`.
    pub async fn status(&self) -> Result<String> {
        let script = "
            const region = [...document.querySelectorAll(ROLES.status)].find(region => nameOf(region) === 'Connection');
            return region ? Array.from(region.childNodes, textOf).join(' ').replace(/\\s+/g, ' ').trim() : null;";
        let text: Option<String> = self.tab.execute(script, vec![]).await?;
        text.with_context(|| format!("{} shows no status “Connection”", self.tab.browser().name()))
    }

    /// Waits until the status region begins with `wanted`.
    pub async fn wait_status(&self, wanted: &str) -> Result<()> {
        self.wait_status_within(wanted, PATIENCE).await
    }

    /// Waits until the status region begins with `wanted`, for at most `within`.
    pub async fn wait_status_within(&self, wanted: &str, within: Duration) -> Result<()> {
        eventually(&format!("status “{wanted}”"), within, || async {
            let status = self.status().await?;
            ensure!(status.starts_with(wanted), "{} says “{status}”", self.tab.browser().name());
            Ok(())
        })
        .await
    }

    /// Waits until the page says that it is connected to `count` devices.
    pub async fn wait_connected(&self, count: usize) -> Result<()> {
        self.wait_status(&connected_to(count)).await
    }

    /// Repeats `look` until `good` is true of what it sees.
    pub async fn wait<T, F, P>(&self, what: &str, look: P, good: impl Fn(&T) -> bool) -> Result<T>
    where
        T: std::fmt::Debug,
        P: Fn() -> F,
        F: Future<Output = Result<T>>,
    {
        let name = self.tab.browser().name();
        eventually(&format!("{name} shows {what}"), PATIENCE, || async {
            let seen = look().await?;
            ensure!(good(&seen), "{name} shows {seen:?}");
            Ok(seen)
        })
        .await
    }
}

/// The words for `count` connected devices.
fn connected_to(count: usize) -> String {
    if count == 1 { "Connected to 1 device".to_owned() } else { format!("Connected to {count} devices") }
}
