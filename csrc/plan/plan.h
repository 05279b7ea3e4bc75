/*
 * A network that the engine runs by itself: its graph read into nodes, and for each size of a frame a program
 * of steps over the kernels.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_PLAN_H
#define FF_STYLE_PLAN_H

#include "../graph/signature.h"
#include "program.h"

typedef struct StylePlan StylePlan;

/** What a plan is made for. */
typedef struct StylePlanSettings {
    StyleVectors
        vectors; ///< of the processor; those with dot products round what is multiplied in squares
    StyleType type; ///< FF_STYLE_FLOAT, or FF_STYLE_BFLOAT16 where it has the matrix unit
} StylePlanSettings;

/**
 * Makes a plan.
 *
 * @param nodes  of the graph; they, the graph's bytes and the signature stay until the plan is closed
 * @param reason receives why there is none: what does not fit, and where
 * @return 1; 0 when there is no plan; -ENOMEM
 */
int ff_style_open_plan(const StyleContext *ctx, const StyleNodes *nodes,
                       const StyleSignature *signature, const StylePlanSettings *settings,
                       StylePlan **plan, char reason[FF_STYLE_MESSAGE_SIZE]);

void ff_style_close_plan(StylePlan **plan);

/**
 * Makes the program for frames of this size. Several threads may do so at a time.
 *
 * @param program to be freed with ff_style_free_program() after an error as well
 * @return 0; -ENOMEM, -EFBIG; or -EBADMSG when the network does not take that size; after a message
 */
int ff_style_make_program(const StyleContext *ctx, const StylePlan *plan, int width, int height,
                          StyleProgram *program);

#endif
