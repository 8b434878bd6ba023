const _: () = quorum_runtime::__private::assert_codegen_revision(0);
const _: () = quorum_runtime::__private::assert_codegen_revision(1_000_000);

fn main() {}
