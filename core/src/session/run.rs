/// One run of a page: random, made when the page is loaded.
///
/// Two connections to the same run are one too many. A connection to another run of the same device means that what the
/// earlier run had is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run(pub [u8; 4]);
