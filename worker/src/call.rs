use crate::{Refusal, Route};

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// `POST /rooms`
    MakeRoom,
    /// `POST /discovery/register`
    Register,
    /// `GET /discovery/peers`
    Peers,
    /// `GET /health`
    Health,
    /// `OPTIONS` of a route.
    Options(Route),
}

/// Finds out what a request asks for, by its method, its path, and whether it has a query.
///
/// A query is refused wherever none is defined: a field that is read by nobody is a field in which
/// something could be hidden.
///
/// # Errors
///
/// [`Refusal::NotFound`], [`Refusal::MethodNotAllowed`] or [`Refusal::Query`].
pub fn route(method: &str, path: &str, query: Option<&str>) -> Result<Call, Refusal> {
    let route = Route::of_path(path).ok_or(Refusal::NotFound)?;
    let call = match (route, method) {
        (route, "OPTIONS") => return Ok(Call::Options(route)),
        (Route::Rooms, "POST") => Call::MakeRoom,
        (Route::Register, "POST") => Call::Register,
        // The query is what it is about; `PeersQuery` reads it.
        (Route::Peers, "GET" | "HEAD") => return Ok(Call::Peers),
        (Route::Health, "GET" | "HEAD") => Call::Health,
        (route, _) => return Err(Refusal::MethodNotAllowed(route)),
    };
    match query {
        None | Some("") => Ok(call),
        Some(_) => Err(Refusal::Query { expected: "empty" }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn knows_four_routes() {
        assert_eq!(route("POST", "/rooms", None), Ok(Call::MakeRoom));
        assert_eq!(route("POST", "/discovery/register", None), Ok(Call::Register));
        assert_eq!(route("GET", "/discovery/peers", Some("roomId=x")), Ok(Call::Peers));
        assert_eq!(route("GET", "/health", Some("")), Ok(Call::Health));
    }

    #[test]
    fn what_can_be_got_has_a_head() {
        assert_eq!(route("HEAD", "/health", None), Ok(Call::Health));
        assert_eq!(route("HEAD", "/discovery/peers", None), Ok(Call::Peers));
        assert_eq!(route("HEAD", "/rooms", None), Err(Refusal::MethodNotAllowed(Route::Rooms)));
    }

    #[test]
    fn options_are_answered_for_routes_only() {
        assert_eq!(route("OPTIONS", "/rooms", None), Ok(Call::Options(Route::Rooms)));
        assert_eq!(route("OPTIONS", "/elsewhere", None), Err(Refusal::NotFound));
    }

    #[test]
    fn a_query_where_none_belongs_is_refused() {
        for (method, path) in [("POST", "/rooms"), ("POST", "/discovery/register"), ("GET", "/health")] {
            assert_eq!(route(method, path, Some("task=milk")), Err(Refusal::Query { expected: "empty" }));
        }
    }

    proptest! {
        #[test]
        fn nothing_else_is_there(method in "[A-Za-z]{1,8}|GET|POST|PUT|DELETE|PATCH|PROPFIND", path in "/\\PC{0,20}|/(rooms|discovery/register|discovery/peers|health)/?|/(Rooms|HEALTH|discovery)") {
            match route(&method, &path, None) {
                Ok(Call::MakeRoom) => prop_assert_eq!((method.as_str(), path.as_str()), ("POST", "/rooms")),
                Ok(Call::Register) => prop_assert_eq!((method.as_str(), path.as_str()), ("POST", "/discovery/register")),
                Ok(Call::Peers) => prop_assert!(["GET", "HEAD"].contains(&method.as_str()) && path == "/discovery/peers"),
                Ok(Call::Health) => prop_assert!(["GET", "HEAD"].contains(&method.as_str()) && path == "/health"),
                Ok(Call::Options(_)) => prop_assert_eq!(method.as_str(), "OPTIONS"),
                Err(Refusal::MethodNotAllowed(route)) => {
                    prop_assert!(route.allow().split(", ").all(|allowed| allowed != method));
                }
                Err(refusal) => prop_assert_eq!(refusal, Refusal::NotFound),
            }
        }
    }
}
