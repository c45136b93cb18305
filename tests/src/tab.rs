use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use thirtyfour::cdp::Cdp;
use thirtyfour::common::command::{Command, ExtensionCommand};
use thirtyfour::{Key, WebElement, WindowHandle};

use crate::{Browser, BrowserKind, ColorScheme, Picture, eventually};

/// How long a control may take to appear. Not a measure of speed: only of patience.
const PATIENCE: Duration = Duration::from_secs(10);
/// The same for all that a first visit has to fetch and to keep.
const FIRST_VISIT: Duration = Duration::from_secs(30);

const LOOKUP: &str = include_str!("lookup.js");

/// One page in a [`Browser`].
///
/// Every command first brings the tab to the front, as WebDriver wants it; the other tabs of the window are hidden then,
/// and the app sees that.
#[derive(Debug, Clone)]
pub struct Tab {
    browser: Arc<Browser>,
    window: WindowHandle,
}

impl Tab {
    pub(crate) fn new(browser: Arc<Browser>, window: WindowHandle) -> Self {
        Self { browser, window }
    }

    /// The browser it belongs to.
    pub fn browser(&self) -> &Arc<Browser> {
        &self.browser
    }

    /// Whether both are the same page.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.browser, &other.browser) && self.window == other.window
    }

    /// Loads `url`.
    pub async fn goto(&self, url: &str) -> Result<()> {
        let mut running = self.browser.running().await?;
        running.switch_to(&self.window).await?;
        Ok(running.session().goto(url).await?)
    }

    /// Reloads the page as the browser's button does.
    ///
    /// Not by the WebDriver command: in Firefox that goes around the service worker, like Shift+Reload.
    pub async fn reload(&self) -> Result<()> {
        self.loads_again(self.execute("location.reload(); return null;", vec![])).await
    }

    /// Reloads the page around its caches and its service worker, as with Shift held.
    pub async fn hard_reload(&self) -> Result<()> {
        let reload = async {
            if self.browser.kind() == BrowserKind::Chromium {
                return self.cdp("Page.reload", json!({ "ignoreCache": true })).await.map(drop);
            }
            let mut running = self.browser.running().await?;
            running.switch_to(&self.window).await?;
            Ok(running.session().refresh().await?)
        };
        self.loads_again(reload).await?;
        let started = "return performance.getEntriesByType('navigation')[0].workerStart;";
        let started: f64 = self.execute(started, vec![]).await?;
        ensure!(started == 0.0, "{} asked the service worker all the same", self.browser.name());
        Ok(())
    }

    async fn loads_again(&self, reload: impl Future<Output = Result<()>>) -> Result<()> {
        let before: f64 = self.execute("return performance.timeOrigin;", vec![]).await?;
        reload.await?;
        eventually("the page is loaded again", PATIENCE, || async {
            let loaded = "return document.readyState === 'complete' ? performance.timeOrigin : null;";
            let now = self.execute::<Option<f64>>(loaded, vec![]).await?.context("still loading")?;
            ensure!(now > before, "{} still shows the old page", self.browser.name());
            Ok(())
        })
        .await
    }

    /// The address of the page.
    pub async fn url(&self) -> Result<String> {
        let mut running = self.browser.running().await?;
        running.switch_to(&self.window).await?;
        Ok(running.session().current_url().await?.to_string())
    }

    /// The source of the document, also where no script may run in it.
    pub async fn source(&self) -> Result<String> {
        let mut running = self.browser.running().await?;
        running.switch_to(&self.window).await?;
        Ok(running.session().source().await?)
    }

    /// Closes the tab. The browser goes on with another one, if there is one.
    ///
    /// The page is left first: closed by a user, a page gets to say goodbye, but the WebDriver command cuts Firefox short.
    pub async fn close(self) -> Result<()> {
        let mut running = self.browser.running().await?;
        running.switch_to(&self.window).await?;
        running.session().goto("about:blank").await?;
        let next = running.session().windows().await?.into_iter().find(|window| *window != self.window);
        running.close_window(next).await
    }

    /// Runs a script with `arguments`; the functions of `lookup.js` are at hand.
    pub async fn execute<T: DeserializeOwned>(&self, script: &str, arguments: Vec<Value>) -> Result<T> {
        let mut running = self.browser.running().await?;
        running.switch_to(&self.window).await?;
        Ok(running.session().execute(format!("{LOOKUP}\n{script}"), arguments).await?.convert()?)
    }

    /// Runs a script that calls `arguments[arguments.length - 1]` with its result.
    pub async fn execute_async<T: DeserializeOwned>(&self, script: &str, arguments: Vec<Value>) -> Result<T> {
        let mut running = self.browser.running().await?;
        running.switch_to(&self.window).await?;
        Ok(running.session().execute_async(format!("{LOOKUP}\n{script}"), arguments).await?.convert()?)
    }

    /// Every reachable element with `role` and, unless it is `None`, exactly this accessible name.
    pub async fn find_all(&self, role: &str, name: Option<&str>) -> Result<Vec<WebElement>> {
        let mut running = self.browser.running().await?;
        running.switch_to(&self.window).await?;
        let script = format!("{LOOKUP}\nreturn lookup(arguments[0], arguments[1]);");
        Ok(running.session().execute(script, vec![json!(role), json!(name)]).await?.elements()?)
    }

    /// The one reachable element with `role` and `name`, now.
    pub async fn find(&self, role: &str, name: &str) -> Result<WebElement> {
        let mut found = self.find_all(role, Some(name)).await?;
        match found.len() {
            0 => bail!("{} shows no {role} “{name}”", self.browser.name()),
            1 => found.pop().context("one is one"),
            several => bail!("{} shows {several} {role}s named “{name}”", self.browser.name()),
        }
    }

    /// Whether there is such an element now.
    pub async fn shows(&self, role: &str, name: &str) -> Result<bool> {
        Ok(!self.find_all(role, Some(name)).await?.is_empty())
    }

    /// Waits for the element.
    pub async fn wait_for(&self, role: &str, name: &str) -> Result<WebElement> {
        eventually(&format!("{role} “{name}”"), PATIENCE, || self.find(role, name)).await
    }

    /// Waits until the browser keeps all that the app takes without a network, also what is loaded after the first screen.
    pub async fn wait_kept(&self) -> Result<()> {
        let script = "const done = arguments[arguments.length - 1];
            (async () => {
                const shell = (await caches.keys()).filter(name => name.startsWith('partyline-shell'));
                const kept = await Promise.all(shell.map(async name => (await caches.open(name)).keys()));
                return !window.partylineRest || kept.flat().some(({ url }) => url.includes('/rest-'));
            })().then(done, () => done(false));";
        eventually("the whole app to be kept", FIRST_VISIT, || async {
            ensure!(self.execute_async::<bool>(script, vec![]).await?, "a part is missing");
            Ok(())
        })
        .await
    }

    /// Waits until there is no such element.
    pub async fn wait_gone(&self, role: &str, name: &str) -> Result<()> {
        eventually(&format!("no {role} “{name}”"), PATIENCE, || async {
            ensure!(!self.shows(role, name).await?, "{} still shows it", self.browser.name());
            Ok(())
        })
        .await
    }

    /// Clicks the element, once it is there and nothing covers it.
    pub async fn click(&self, role: &str, name: &str) -> Result<()> {
        eventually(&format!("click {role} “{name}”"), PATIENCE, || async {
            let element = self.find(role, name).await?;
            let mut running = self.browser.running().await?;
            running.switch_to(&self.window).await?;
            // As a person scrolls: into the middle, away from bars at the edges.
            let scroll = "arguments[0].scrollIntoView({ block: 'center' }); return null;";
            running.session().execute(scroll, vec![element.to_json()?]).await?;
            Ok(element.click().await?)
        })
        .await
    }

    /// Replaces what is in a textbox, as typing over it does.
    pub async fn fill(&self, name: &str, text: &str) -> Result<()> {
        eventually(&format!("type into textbox “{name}”"), PATIENCE, || async {
            let element = self.find("textbox", name).await?;
            let mut running = self.browser.running().await?;
            running.switch_to(&self.window).await?;
            let kind = element.prop("type").await?.unwrap_or_default();
            if kind == "date" {
                // The keys of a date field depend on the browser's language, so the value is set as a picker sets it.
                let script = "arguments[0].value = arguments[1]; for (const type of ['input', 'change']) \
                              arguments[0].dispatchEvent(new Event(type, { bubbles: true }));";
                running.session().execute(script, vec![element.to_json()?, json!(text)]).await?;
                return Ok(());
            }
            element.click().await?;
            element.send_keys(Key::Control + "a").await?;
            if text.is_empty() {
                element.send_keys("" + Key::Delete).await?
            } else {
                element.send_keys(text).await?
            }
            Ok(())
        })
        .await
    }

    /// Presses keys in the element that has the focus.
    pub async fn press(&self, keys: impl Into<thirtyfour::TypingData>) -> Result<()> {
        let mut running = self.browser.running().await?;
        running.switch_to(&self.window).await?;
        let focused = running.session().active_element().await?;
        Ok(focused.send_keys(keys).await?)
    }

    /// Takes hold of an element with a mouse and lets go of it a little above another one.
    pub async fn drag(&self, held: &WebElement, above: &WebElement, by: i64) -> Result<()> {
        let mut running = self.browser.running().await?;
        running.switch_to(&self.window).await?;
        let session = running.session();
        let grip = session.action_chain().move_to_element_center(held).click_and_hold().move_by_offset(0, -12);
        grip.move_to_element_center(above).move_by_offset(0, -by).release().perform().await?;
        Ok(())
    }

    /// The current value of a textbox or combobox.
    pub async fn value(&self, role: &str, name: &str) -> Result<String> {
        let element = self.wait_for(role, name).await?;
        let _turn = self.browser.running().await?;
        Ok(element.value().await?.unwrap_or_default())
    }

    /// Role and name of an element as the browser itself computes them (WebDriver 2, 12.4.9 and 12.4.10).
    pub async fn computed(&self, element: &WebElement) -> Result<(String, String)> {
        let running = self.browser.running().await?;
        let ask = |what: &'static str| Computed { element: element.element_id().to_string(), what };
        let mut answers = Vec::new();
        for what in ["computedrole", "computedlabel"] {
            let answer = running.session().cmd(Command::ExtensionCommand(Box::new(ask(what)))).await?;
            answers.push(answer.value::<String>()?);
        }
        let label = answers.pop().unwrap_or_default();
        Ok((answers.pop().unwrap_or_default(), label))
    }

    /// When the User Timing mark was last set, in ms since the start of the page; `None` if it was not.
    pub async fn mark(&self, name: &str) -> Result<Option<f64>> {
        let script = "return performance.getEntriesByName(arguments[0], 'mark').at(0)?.startTime ?? null;";
        self.execute(script, vec![json!(name)]).await
    }

    /// Waits for the User Timing mark.
    pub async fn wait_mark(&self, name: &str) -> Result<f64> {
        eventually(&format!("mark {name}"), Duration::from_secs(30), || async {
            self.mark(name).await?.with_context(|| format!("{} has no mark {name}", self.browser.name()))
        })
        .await
    }

    /// The QR code that is shown.
    pub async fn qr_code(&self) -> Result<Picture> {
        self.wait_for("img", "QR code").await?;
        let script = "const code = document.querySelector('svg.qr');
            return [code.getAttribute('viewBox'), code.querySelector('path').getAttribute('d')];";
        let (view_box, path): (String, String) = self.execute(script, vec![]).await?;
        Picture::of_drawing(&view_box, &path)
    }

    /// Keeps a picture of what is seen.
    pub async fn screenshot(&self, path: &Path) -> Result<()> {
        let mut running = self.browser.running().await?;
        running.switch_to(&self.window).await?;
        Ok(running.session().screenshot(path).await?)
    }

    /// Lays the page out for a screen of this size (Chromium only; a headless window cannot be as narrow as a phone).
    pub async fn emulate_screen(&self, width: u32, height: u32) -> Result<()> {
        let phone = width < 600;
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone });
        self.cdp("Emulation.setDeviceMetricsOverride", metrics).await.map(drop)
    }

    /// Makes the window so wide and high: as it seems to the page in Chromium; Firefox has it as near to that as it can.
    pub async fn resize(&self, (width, height): (u32, u32)) -> Result<()> {
        if self.browser.kind() == BrowserKind::Chromium {
            return self.emulate_screen(width, height).await;
        }
        let mut running = self.browser.running().await?;
        running.switch_to(&self.window).await?;
        Ok(running.session().set_window_rect(0, 0, width, height).await?)
    }

    /// Tells the page that the system prefers `scheme` (Chromium only).
    pub async fn emulate_scheme(&self, scheme: ColorScheme) -> Result<()> {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme.as_str() }] });
        self.cdp("Emulation.setEmulatedMedia", features).await.map(drop)
    }

    /// Tells the page that it is in the time zone of this name (Chromium only).
    pub async fn emulate_zone(&self, zone: &str) -> Result<()> {
        self.cdp("Emulation.setTimezoneOverride", json!({ "timezoneId": zone })).await.map(drop)
    }

    /// Waits until nothing on the page moves, scrolls or changes colour any more.
    pub async fn wait_still(&self) -> Result<()> {
        let script = "const done = arguments[arguments.length - 1];
            const frame = () => new Promise(requestAnimationFrame);
            (async () => {
                await frame();
                await frame();
                await Promise.allSettled(document.getAnimations().map(animation => animation.finished));
                for (let [top, still] = [scrollY, 0]; still < 6; [top, still] = [scrollY, scrollY === top ? still + 1 : 0]) {
                    await frame();
                }
                done(null);
            })();";
        self.execute_async(script, vec![]).await
    }

    /// Tells the page that the machine is offline, or online again (Chromium only). WebRTC is not touched by it.
    pub async fn emulate_offline(&self, offline: bool) -> Result<()> {
        self.cdp("Network.enable", json!({})).await?;
        let conditions = json!({ "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
        self.cdp("Network.emulateNetworkConditions", conditions).await.map(drop)
    }

    /// Sends a command of the Chrome DevTools Protocol.
    pub async fn cdp(&self, method: &str, parameters: Value) -> Result<Value> {
        ensure!(self.browser.kind() == BrowserKind::Chromium, "only Chromium speaks the DevTools protocol");
        let mut running = self.browser.running().await?;
        running.switch_to(&self.window).await?;
        Ok(Cdp::new(Arc::clone(running.session())).send_raw(method, parameters).await?)
    }
}

#[derive(Debug)]
struct Computed {
    element: String,
    what: &'static str,
}

impl ExtensionCommand for Computed {
    fn parameters_json(&self) -> Option<Value> {
        None
    }

    fn method(&self) -> http::Method {
        http::Method::GET
    }

    fn endpoint(&self) -> Arc<str> {
        format!("/element/{}/{}", self.element, self.what).into()
    }
}
