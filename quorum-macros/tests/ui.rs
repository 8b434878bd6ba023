//! What a user reads when a trait is wrong.
//!
//! After a change of the messages, `TRYBUILD=overwrite cargo test -p quorum-macros --test ui` writes the
//! `.stderr` files anew; read the difference before you commit it. They are those of the newest stable
//! compiler.

#[test]
fn a_wrong_trait_is_refused_with_the_mend() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
