/**
 * What a platform supplies. Few methods, blocking, repeatable: a "no" is a value, "cannot tell" is a
 * {@link io.github.rollstep.spi.ProviderException}. Each contract is held by a published abstract test in the testkit.
 */
@NullMarked
package io.github.rollstep.spi;

import org.jspecify.annotations.NullMarked;
