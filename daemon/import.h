/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * import.h - a server list of IPMI Monitor becomes a configuration file.
 *
 * Three formats: the INI that its README shows ([server-01] with bmc_ip and
 * more), the INI that it really reads ("address = name # comment"), and its
 * JSON.  Main thread.
 */
#ifndef IMPORT_H
#define IMPORT_H

#include <stdio.h>

/* Prints the configuration on `out`, and on `err` every line that was not
 * understood.  Passwords go into a file of their own, mode 0600, which must not
 * exist yet: `credentials_file`, or PATH.credentials if that is NULL.  The
 * result is an exit status. */
int import_list (const char *path, const char *credentials_file, FILE *out, FILE *err);

#endif
