/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rmcpp.h - what protects the packets of an RMCP+ session: HMAC-SHA1-96,
 * HMAC-SHA256-128 and AES-CBC-128 (IPMI 2.0, tables 13-18 and 13-19).
 *
 * OpenIPMI has the first and the last itself, but asks libcrypto for them by name
 * for each packet, which is a quarter of what polling takes; these take their
 * places.  The second is not known to OpenIPMI at all (suite17.h).  One thread.
 */
#ifndef RMCPP_H
#define RMCPP_H

#include <glib.h>

/* Once, after ipmi_init() with an os-handler.h.  FALSE: OpenIPMI does not take them. */
gboolean rmcpp_register (void);

#endif
