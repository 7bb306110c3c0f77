/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-handler.h - --test-handler: one sample event through one handler.
 *
 * Main thread.  Works beside a running ipmid: it has a journal of its own, in
 * memory, and takes no lock.
 */
#ifndef TEST_HANDLER_H
#define TEST_HANDLER_H

#include "cmdline.h"

/* Reads the configuration file, opens the handler that the command line names,
 * gives it one event that says that it is a test, and says on standard output
 * what became of it.  What is wrong goes to standard error.  The result is an
 * exit status: EX_OK it was handled, EX_TEMPFAIL it would be tried again,
 * EX_UNAVAILABLE it was rejected or the handler cannot be opened, EX_CONFIG or EX_USAGE
 * there is no such test. */
int test_handler (Cmdline *cmdline);

#endif
