/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * suite17.h - cipher suite 17 for OpenIPMI, which has none of its own.
 *
 * RAKP-HMAC-SHA256 and HMAC-SHA256-128 (IPMI 2.0, tables 13-17 and 13-18);
 * AES-CBC-128 is OpenIPMI's.  Suites 15 and 16 come with it.  One thread.
 */
#ifndef SUITE17_H
#define SUITE17_H

#include <glib.h>

/* Once, after ipmi_init().  FALSE: OpenIPMI has them already, or takes none. */
gboolean suite17_register (void);

#endif
