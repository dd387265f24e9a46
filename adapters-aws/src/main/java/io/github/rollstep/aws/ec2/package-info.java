/** Instances of EC2 without an Auto Scaling group. */
@NullMarked
package io.github.rollstep.aws.ec2;

import org.jspecify.annotations.NullMarked;
