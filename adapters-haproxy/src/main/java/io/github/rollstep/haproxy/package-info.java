/** HAProxy as a traffic router, over its runtime API; and routers that find instances by their own health. */
@NullMarked
package io.github.rollstep.haproxy;

import org.jspecify.annotations.NullMarked;
