//! Who may ask: pages of this app, by `fetch`, and nobody else.
//!
//! A service worker gets every request of the pages that it controls, and every navigation into its scope, whoever began
//! it: a link, a form or a frame of any other site brings its method and its body along (Service Workers, "Handle Fetch";
//! share targets live by that). What is answered to a navigation is shown as a document, too. So nothing of the peer API
//! is answered to one, and nothing to what an element of a page loads by itself: an image, a script, a prefetch, a ping.

use crate::problem::Failure;

/// What the browser says of a request's origin. A page cannot set any of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provenance<'a> {
    /// `Request.mode`. `fetch` has `cors` unless the page asks for less; an element has `no-cors`, a navigation
    /// `navigate`.
    pub mode: &'a str,
    /// `Request.destination`: what the answer is for. Empty for `fetch`.
    pub destination: &'a str,
    /// `FetchEvent.clientId`: the page that asks. Empty for a navigation, which no page of ours makes.
    pub client: &'a str,
}

/// Lets a request of our own pages' scripts pass.
///
/// # Errors
///
/// 403 for anything else.
pub fn admit(provenance: Provenance<'_>) -> Result<(), Failure> {
    let Provenance { mode, destination, client } = provenance;
    let is_scripted = matches!(mode, "cors" | "same-origin") && destination.is_empty();
    if is_scripted && !client.is_empty() { Ok(()) } else { Err(Failure::not_for_documents()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(mode: &str, destination: &str, client: &str) -> u16 {
        admit(Provenance { mode, destination, client }).map_or_else(|failure| failure.problem.status, |()| 200)
    }

    #[test]
    fn a_page_asks_by_fetch() {
        assert_eq!(status("cors", "", "a-page"), 200);
        assert_eq!(status("same-origin", "", "a-page"), 200);
    }

    #[test]
    fn nothing_is_answered_to_a_navigation_wherever_it_leads() {
        for destination in ["document", "iframe", "frame", "embed", "object", ""] {
            for client in ["", "a-page"] {
                assert_eq!(status("navigate", destination, client), 403, "{destination}");
            }
        }
    }

    #[test]
    fn nothing_is_answered_to_what_an_element_loads() {
        // Module scripts, fonts and preloads have the mode of a fetch, and a prefetch or a ping has no destination.
        for destination in ["image", "script", "style", "font", "audio", "video", "track", "manifest", "worker", "json"]
        {
            assert_eq!(status("cors", destination, "a-page"), 403, "{destination}");
            assert_eq!(status("no-cors", destination, "a-page"), 403, "{destination}");
        }
        assert_eq!(status("no-cors", "", "a-page"), 403);
        assert_eq!(status("websocket", "", "a-page"), 403);
    }

    #[test]
    fn who_asks_is_known() {
        assert_eq!(status("cors", "", ""), 403);
    }
}
