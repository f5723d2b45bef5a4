/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * layer_place.h - how something comes to its name in a tree: in a layer, which nobody sees yet, it
 * is made under it; in a copy beside it, and then it takes the place of what was there in one
 * rename.
 */
#ifndef CADDIS_IMAGE_LAYER_PLACE_H
#define CADDIS_IMAGE_LAYER_PLACE_H

#include "image/layer_tree.h"

struct place {
	struct tree *tree;
	const char *base;   /* the name that it shall have in tree->parent */
	const char *name;   /* the name to make it under */
	char temporary[32]; /* "": there is none */
};
/* In a copy, a directory that is there is an error (unless copy->overwrite). */
int place_begin(struct place *p, struct tree *t, const char *base, struct err *e);
/* It is made, and whole. */
int place_end(struct place *p, struct err *e);
/* Takes the half-made one away, in a copy. After place_end() it does nothing. */
void place_drop(struct place *p);
/* Removes whatever has the name, for something else to take its place. */
int place_clear(struct place *p, struct err *e);

#endif
