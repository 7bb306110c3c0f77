/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* target.h - which ipmid is meant. */
#ifndef TARGET_H
#define TARGET_H

#include "ctl.h"

/* The path of its socket: as the options say, or that of the only ipmid that runs
 * with a state directory in the usual place.  Else NULL, and the words for the
 * user: IPMID_ERROR_USAGE if he has to choose, IPMID_ERROR_UNAVAILABLE if none
 * runs, IPMID_ERROR_FILE if one cannot look. */
char *target_find (const CtlOptions *options, GError **error);

#endif
