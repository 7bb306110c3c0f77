/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* maker.c - see maker.h. */
#include "maker.h"

/* From IANA's registry of enterprise numbers, the names shortened. */
static const struct
{
  guint32 manufacturer;
  const char *name;
} makers[] = {
  { 2, "IBM" },
  { 9, "Cisco" },
  { 11, "Hewlett Packard Enterprise" },
  { 42, "Sun Microsystems" },
  { 116, "Hitachi" },
  { 119, "NEC" },
  { 343, "Intel" },
  { 373, "Tatung" },
  { 674, "Dell" },
  { 2011, "Huawei" },
  { 2623, "ASUS" },
  { 4769, "IBM" },
  { 5703, "NVIDIA" },
  { 6569, "Inventec" },
  { 6653, "Tyan" },
  { 7154, "IPMI forum" },
  { 7244, "Quanta" },
  { 9237, "Viking Enterprise Solutions" },
  { 10297, "Advantech" },
  { 10368, "Fujitsu" },
  { 10437, "Peppercon" },
  { 10876, "Supermicro" },
  { 11129, "Google" },
  { 11161, "Wistron" },
  { 11183, "MiTAC" },
  { 12634, "PICMG" },
  { 13742, "Raritan" },
  { 15000, "Kontron" },
  { 15370, "Gigabyte" },
  { 19046, "Lenovo" },
  { 20301, "IBM eServer X" },
  { 20569, "Inventec" },
  { 20974, "American Megatrends" },
  { 21317, "ATEN" },
  { 25506, "H3C" },
  { 33049, "Mellanox" },
  { 37945, "Inspur" },
  { 40092, "Wiwynn" },
  { 40981, "Facebook" },
  { 45065, "Insyde" },
  { 48482, "Linaro" },
  { 48512, "Inspur" },
  { 49622, "ASRock Rack" },
  { 49769, "YADRO" },
  { 51974, "Raptor Computing Systems" },
  { 52538, "Ampere Computing" },
};

const char *
maker_name (guint32 manufacturer)
{
  for (guint i = 0; i < G_N_ELEMENTS (makers); i++)
    if (makers[i].manufacturer == manufacturer)
      return makers[i].name;
  return NULL;
}

char *
maker_words (guint32 manufacturer)
{
  const char *name = maker_name (manufacturer);

  return name != NULL ? g_strdup (name) : g_strdup_printf ("manufacturer %u", manufacturer);
}
