/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* wrong-empty.c - a shared object that is no plugin. */
extern __attribute__ ((visibility ("default"))) const int not_a_plugin;
const int not_a_plugin = 1;
