//! Options that are declared and that the generator knows nothing about, as those of another
//! version of `gorums.proto` are. An rpc that sets one would be called in another way than it says.

use prost_reflect::{DescriptorPool, MethodDescriptor, Value};

use crate::error::Problem;
use crate::proto::option_files::{OptionFile, is_known};
use crate::proto::position::Includes;

/// Every such option that is set.
pub(crate) fn check(pool: &DescriptorPool, includes: &Includes) -> Vec<Problem> {
    let mut problems = Vec::new();
    for service in pool.services() {
        service.methods().for_each(|method| check_method(&method, includes, &mut problems));
    }
    problems
}

fn check_method(method: &MethodDescriptor, includes: &Includes, problems: &mut Vec<Problem>) {
    let service = method.parent_service();
    for (extension, value) in method.options().extensions() {
        let Some(file) = OptionFile::of_package(extension.package_name()) else { continue };
        let option = extension.name();
        if is_known(option) || *value == Value::Bool(false) {
            continue;
        }
        problems.push(Problem {
            place: includes.place(&service.parent_file(), method.path()),
            message: format!(
                "rpc `{}.{}` has the option `({}.{option})`, which is not supported",
                service.name(),
                method.name(),
                file.package
            ),
            help: Some(file.help()),
        });
    }
}
