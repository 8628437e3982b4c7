/** The observer service: watches a signal by parameters from the env file, and tells how well that goes. */

import './boot.ts';
import { observe, performanceSoFar } from './observation.ts';
import { serve } from './serve.ts';

serve({ '/performance': performanceSoFar });
await observe();
