//! What a browser needs to be dialled: ICE credentials and session descriptions.
