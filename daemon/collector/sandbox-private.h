/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sandbox-private.h - what the files of the sandbox share.
 */
#ifndef SANDBOX_PRIVATE_H
#define SANDBOX_PRIVATE_H

#include "sandbox.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

/* A sanitizer starts a thread that traces the process, reads files, and takes
 * terabytes of address space. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANDBOX_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANDBOX_SANITIZED 1
#endif
#endif

/* The filter of system calls. */
gboolean sandbox_filter_install (SandboxProfile profile, GError **error);

#endif
