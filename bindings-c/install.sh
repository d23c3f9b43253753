#!/bin/sh
# Builds the C library and installs it with its header, pkg-config file and CMake package.
#
#   PREFIX=/usr/local DESTDIR= sh bindings-c/install.sh      (these are the defaults)
#
# PROFILE=dev takes the build that tests use; LIBDIR and INCLUDEDIR move the two folders.
set -eu
cd "$(dirname "$0")/.."

prefix=${PREFIX:-/usr/local}
libdir=${LIBDIR:-$prefix/lib}
includedir=${INCLUDEDIR:-$prefix/include}
profile=${PROFILE:-release}
cargo build --locked --quiet --profile "$profile" -p chinwag-c
case $profile in
    dev) built=${CARGO_TARGET_DIR:-target}/debug ;;
    *) built=${CARGO_TARGET_DIR:-target}/$profile ;;
esac

# The header knows both: what it says is what was built, as tests see to.
header() {
    sed -n "s/^#define CHINWAG_$1 //p" include/chinwag.h | tr -d '"'
}
version="$(header VERSION)"
abi="$(header ABI_VERSION)"

lib=${DESTDIR:-}$libdir
include=${DESTDIR:-}$includedir
install -d "$lib/pkgconfig" "$lib/cmake/chinwag" "$include"
install -m 644 include/chinwag.h "$include/chinwag.h"
install -m 755 "$built/libchinwag_c.so" "$lib/libchinwag.so.$version"
ln -sf "libchinwag.so.$version" "$lib/libchinwag.so.$abi"
ln -sf "libchinwag.so.$abi" "$lib/libchinwag.so"
install -m 644 "$built/libchinwag_c.a" "$lib/libchinwag.a"

# What `rustc --print native-static-libs` names.
static='-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc'

cat >"$lib/pkgconfig/chinwag.pc" <<END
prefix=$prefix
libdir=$libdir
includedir=$includedir

Name: chinwag
Description: One cluster, every runtime: membership over memberlist's wire
Version: $version
Libs: -L\${libdir} -lchinwag
Libs.private: $static
Cflags: -I\${includedir}
END

cat >"$lib/cmake/chinwag/chinwag-config.cmake" <<END
# find_package(chinwag), then link chinwag::shared or chinwag::static.
if(NOT TARGET chinwag::shared)
    add_library(chinwag::shared SHARED IMPORTED)
    set_target_properties(chinwag::shared PROPERTIES
        IMPORTED_LOCATION "$libdir/libchinwag.so.$version"
        IMPORTED_SONAME "libchinwag.so.$abi"
        INTERFACE_INCLUDE_DIRECTORIES "$includedir")
    add_library(chinwag::static STATIC IMPORTED)
    set_target_properties(chinwag::static PROPERTIES
        IMPORTED_LOCATION "$libdir/libchinwag.a"
        INTERFACE_INCLUDE_DIRECTORIES "$includedir"
        INTERFACE_LINK_LIBRARIES "$static")
endif()
END

# Before 1.0 a minor version may break; so the same one is asked for.
minor=${version%.*}
cat >"$lib/cmake/chinwag/chinwag-config-version.cmake" <<END
set(PACKAGE_VERSION "$version")
string(REGEX MATCH "^[0-9]+\\\\.[0-9]+" wanted "\${PACKAGE_FIND_VERSION}")
if(PACKAGE_FIND_VERSION VERSION_LESS_EQUAL PACKAGE_VERSION AND (wanted STREQUAL "$minor"))
    set(PACKAGE_VERSION_COMPATIBLE TRUE)
    if(PACKAGE_FIND_VERSION VERSION_EQUAL PACKAGE_VERSION)
        set(PACKAGE_VERSION_EXACT TRUE)
    endif()
endif()
END
echo "installed chinwag $version below ${DESTDIR:-}$prefix"
