/** Auto Scaling groups behind Elastic Load Balancing, alarms of CloudWatch as gates, records in DynamoDB. */
@NullMarked
package io.github.rollstep.aws;

import org.jspecify.annotations.NullMarked;
