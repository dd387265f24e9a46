package io.github.rollstep.spi;

import java.util.Optional;

/**
 * An ability of a router: a request that names a revision's id reaches an instance of it while one takes requests, and any other
 * afterwards. So a client of the new revision does not meet a server of the old one while both serve.
 *
 * <p>A request that names none, or one that is not there, is served like any other. Held by {@code RevisionAffinityContract} of the
 * testkit.
 */
public interface RevisionAffinity {

    /** Where it looks; empty if it was not asked to. Does not change. */
    Optional<RevisionKey> revisionKey();
}
