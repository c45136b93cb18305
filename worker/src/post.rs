use crate::Refusal;

/// Whether a registration comes from a page of this origin, or from no page at all.
///
/// The two headers are the browser's; a page cannot forge them. A page of another origin could
/// otherwise have its visitors' browsers register from *their* addresses. Without asking first (a
/// preflight, which is not answered in its favour) it can send nothing but forms and text, which
/// are no JSON; and a browser that knows fetch metadata says whose page it is. Programs that are no
/// browsers have no visitors, and need to say the content type only.
///
/// # Errors
///
/// [`Refusal::ForeignPage`] or [`Refusal::NotJsonType`].
pub fn check_post(content_type: Option<&str>, sec_fetch_site: Option<&str>) -> Result<(), Refusal> {
    // `none` is a person at the address bar.
    if !matches!(sec_fetch_site, None | Some("same-origin" | "none")) {
        return Err(Refusal::ForeignPage);
    }
    let essence = content_type.and_then(|value| value.split(';').next()).unwrap_or_default();
    if essence.trim_matches([' ', '\t']).eq_ignore_ascii_case("application/json") {
        Ok(())
    } else {
        Err(Refusal::NotJsonType)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn json_is_taken_in_any_case_and_with_parameters() {
        for content_type in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json;charset=UTF-8",
            " application/json ; x=\"text/plain\"",
        ] {
            assert_eq!(check_post(Some(content_type), None), Ok(()), "{content_type}");
        }
    }

    #[test]
    fn nothing_else_is() {
        for content_type in [
            None,
            Some(""),
            Some(";"),
            Some("text/plain"),
            Some("text/plain;charset=UTF-8"),
            Some("text/plain; application/json"),
            Some("text/plain, application/json"),
            Some("application/json, text/plain"),
            Some("application/x-www-form-urlencoded"),
            Some("multipart/form-data; boundary=application/json"),
            Some("application/jsonp"),
            Some("application/json+x"),
            Some("json"),
        ] {
            assert_eq!(check_post(content_type, Some("same-origin")), Err(Refusal::NotJsonType), "{content_type:?}");
        }
    }

    #[test]
    fn a_foreign_page_is_refused_whatever_it_sends() {
        for site in ["cross-site", "same-site", "", "Same-Origin", "same-origin, same-origin", "whatever"] {
            for content_type in [None, Some("text/plain"), Some("application/json")] {
                assert_eq!(check_post(content_type, Some(site)), Err(Refusal::ForeignPage), "{site}");
            }
        }
        for site in [None, Some("same-origin"), Some("none")] {
            assert_eq!(check_post(Some("application/json"), site), Ok(()), "{site:?}");
        }
    }

    proptest! {
        /// Of the content types that a page may send to another origin without asking, none gets
        /// through.
        #[test]
        fn nothing_that_needs_no_preflight_gets_through(
            essence in prop_oneof![
                Just("text/plain"),
                Just("multipart/form-data"),
                Just("application/x-www-form-urlencoded"),
            ],
            rest in "( ?; ?\\PC{0,40}(application/json)?)?",
        ) {
            prop_assert_eq!(check_post(Some(&format!("{essence}{rest}")), None), Err(Refusal::NotJsonType));
        }
    }
}
