/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fault-point.h - SEL records at which a test can bring a collector down.
 *
 * In a build with --enable-crash-points a record without time stamp (IPMI 2.0,
 * section 32.3) whose thirteen bytes are "ipmid: crash!" ends the collector
 * while it decodes it, and with "ipmid: spin!!" it never comes back, as it would
 * if a BMC had found a bug.  In other builds the calls are nothing.
 */
#ifndef FAULT_POINT_H
#define FAULT_POINT_H

#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#ifdef ENABLE_CRASH_POINTS
/* `record` is 16 bytes. */
void fault_point_record (const unsigned char *record);
#else
#define fault_point_record(record) ((void) 0)
#endif

#endif
