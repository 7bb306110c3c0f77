/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-ctl.h - a directory of the test in the place of the machine's, for target.c.
 */
#ifndef TEST_CTL_H
#define TEST_CTL_H

const char *test_ctl_base (void);

#undef STATE_DIR
#define STATE_DIR test_ctl_base ()

#endif
