/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* take-in.h - records of a BMC, put into a real journal, for tests of the core. */
#ifndef TAKE_IN_H
#define TAKE_IN_H

#include <core/journal.h>

/* So many new system events of this BMC, with the record ids after `*last`,
 * which they move on.  Back when they are on disk. */
void test_take_in (Journal *journal, gint64 bmc, guint *last, guint n);

#endif
