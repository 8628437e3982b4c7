/**
 * Every setting of the env file, with what it may be. The whole file is checked before any of it counts: a value that
 * doesn't fit is refused, with the setting's name, and all settings stay as they were.
 */

import { PARAMETERS } from './parameters.ts';
import { flag, name, number, oneOf, required, whole, type Kind } from './setting-kinds.ts';

const MINUTE_MS = 60_000;
const { threshold, batchSize, smoothing, holdSamples } = PARAMETERS;

/** Settings that the observers and the loop of this sample read. */
const USED = {
  KLR_EXPERIMENT_ID: required(whole(0, 999_999_999)),
  KLR_EXPERIMENT_CANDIDATES: whole(2, 64),
  KLR_EXPERIMENT_SAMPLES: whole(1_000, 200_000),
  KLR_DETECTOR_THRESHOLD: required(number(threshold.from, threshold.to)),
  KLR_DETECTOR_BATCH_SIZE: required(whole(batchSize.from, batchSize.to)),
  KLR_DETECTOR_SMOOTHING: required(number(smoothing.from, smoothing.to)),
  KLR_DETECTOR_HOLD_SAMPLES: required(whole(holdSamples.from, holdSamples.to)),
  KLR_OBSERVER_TICK_MS: whole(10, 10_000),
  KLR_OBSERVER_SAMPLES_PER_TICK: whole(1, 100_000),
  KLR_LOOP_ENABLED: flag,
  KLR_LOOP_PAUSE_MS: whole(0, 60 * MINUTE_MS),
  KLR_PROMOTION_LIVE_TIMEOUT_MS: whole(100, 10 * MINUTE_MS),
  KLR_VALIDATION_SAMPLES: whole(1_000, 1_000_000),
  KLR_VALIDATION_TIMEOUT_MS: whole(100, 10 * MINUTE_MS),
} as const satisfies Readonly<Record<string, Kind>>;

/** Settings of parts that this sample leaves out: loaded, checked and taken away like the others. */
const OTHERS: Readonly<Record<string, Kind>> = {
  KLR_LOG_LEVEL: oneOf('debug', 'info', 'warn', 'error'),
  KLR_ASR_MODEL: name,
  KLR_ASR_LANGUAGE: name,
  KLR_ASR_BEAM_WIDTH: whole(1, 64),
  KLR_ASR_TEMPERATURE: number(0, 2),
  KLR_ASR_NO_SPEECH_THRESHOLD: number(0, 1),
  KLR_ASR_CHUNK_MS: whole(20, 5_000),
  KLR_ASR_VOTES: whole(1, 9),
  KLR_ASR_ENABLE_CORRECTION: flag,
  KLR_VAD_ENGINE: oneOf('energy', 'silero', 'webrtc'),
  KLR_VAD_THRESHOLD_DB: number(-90, 0),
  KLR_VAD_ATTACK_MS: whole(0, 2_000),
  KLR_VAD_RELEASE_MS: whole(0, 5_000),
  KLR_VAD_MIN_SPEECH_MS: whole(0, 5_000),
  KLR_VAD_PREBUFFER_MS: whole(0, 5_000),
  KLR_WAKE_PHRASE: name,
  KLR_WAKE_CONFIDENCE_MIN: number(0, 1),
  KLR_WAKE_COOLDOWN_MS: whole(0, MINUTE_MS),
  KLR_WAKE_FUZZY_THRESHOLD: number(0, 1),
  KLR_TTS_BACKEND: oneOf('piper', 'xtts', 'mimic'),
  KLR_TTS_VOICE: name,
  KLR_TTS_SPEED: number(0.25, 4),
  KLR_TTS_SAMPLE_RATE: whole(8_000, 48_000),
  KLR_TTS_TIMEOUT_MS: whole(100, MINUTE_MS),
  KLR_TTS_ENABLE_CACHE: flag,
  KLR_AUDIO_SAMPLE_RATE: whole(8_000, 48_000),
  KLR_AUDIO_BLOCK_MS: whole(5, 1_000),
  KLR_AUDIO_GAIN_DB: number(-30, 30),
  KLR_AUDIO_ENABLE_NOISE_GATE: flag,
  KLR_LLM_PROVIDER: oneOf('ollama', 'openai', 'vllm'),
  KLR_LLM_MODEL: name,
  KLR_LLM_FALLBACK_MODEL: name,
  KLR_LLM_TEMPERATURE: number(0, 2),
  KLR_LLM_TOP_P: number(0, 1),
  KLR_LLM_TOP_K: whole(1, 1_000),
  KLR_LLM_MAX_TOKENS: whole(1, 131_072),
  KLR_LLM_CONTEXT_TOKENS: whole(512, 1_048_576),
  KLR_LLM_TIMEOUT_MS: whole(100, 10 * MINUTE_MS),
  KLR_LLM_RETRIES: whole(0, 10),
  KLR_LLM_REPEAT_PENALTY: number(0, 4),
  KLR_LLM_ENABLE_STREAMING: flag,
  KLR_RAG_EMBEDDING_MODEL: name,
  KLR_RAG_RERANK_MODEL: name,
  KLR_RAG_TOP_K: whole(1, 200),
  KLR_RAG_MIN_SIMILARITY: number(0, 1),
  KLR_RAG_CHUNK_TOKENS: whole(16, 8_192),
  KLR_RAG_CHUNK_OVERLAP: whole(0, 4_096),
  KLR_RAG_BM25_WEIGHT: number(0, 1),
  KLR_RAG_VECTOR_WEIGHT: number(0, 1),
  KLR_RAG_RERANK_DEPTH: whole(1, 200),
  KLR_RAG_CACHE_ENTRIES: whole(0, 1_000_000),
  KLR_RAG_ENABLE_RERANK: flag,
  KLR_MEMORY_RETENTION_DAYS: whole(1, 3_650),
  KLR_MEMORY_MAX_EPISODES: whole(1, 10_000_000),
  KLR_MEMORY_CONDENSE_INTERVAL_S: whole(10, 86_400),
  KLR_MEMORY_IMPORTANCE_MIN: number(0, 1),
  KLR_MEMORY_DECAY: number(0, 1),
  KLR_MEMORY_RECENCY_WEIGHT: number(0, 1),
  KLR_MEMORY_SIMILARITY_WEIGHT: number(0, 1),
  KLR_MEMORY_ENABLE_CONDENSING: flag,
  KLR_REASONING_STRATEGY: oneOf('direct', 'chain', 'tree', 'debate'),
  KLR_REASONING_MAX_DEPTH: whole(1, 32),
  KLR_REASONING_BRANCHES: whole(1, 16),
  KLR_REASONING_BUDGET_MS: whole(100, 10 * MINUTE_MS),
  KLR_REASONING_CONFIDENCE_MIN: number(0, 1),
  KLR_REASONING_ENABLE_CRITIC: flag,
  KLR_ROUTER_STRATEGY: oneOf('rules', 'embedding', 'model'),
  KLR_ROUTER_CONFIDENCE_MIN: number(0, 1),
  KLR_ROUTER_SKILL_WEIGHT: number(0, 1),
  KLR_ROUTER_CHAT_WEIGHT: number(0, 1),
  KLR_TOOLS_MAX_CALLS: whole(0, 64),
  KLR_TOOLS_TIMEOUT_MS: whole(100, 10 * MINUTE_MS),
  KLR_TOOLS_ENABLE_SYNTHESIS: flag,
  KLR_CURIOSITY_WEIGHT: number(0, 1),
  KLR_CURIOSITY_NOVELTY_MIN: number(0, 1),
  KLR_CURIOSITY_QUESTIONS_PER_HOUR: whole(0, 3_600),
  KLR_DREAM_GENERATIONS: whole(1, 1_000),
  KLR_DREAM_POPULATION: whole(2, 1_000),
  KLR_DREAM_MUTATION_RATE: number(0, 1),
  KLR_DREAM_CROSSOVER_RATE: number(0, 1),
  KLR_DREAM_ELITE: whole(0, 100),
  KLR_DREAM_NIGHT_ONLY: flag,
  KLR_SCHEDULER_TICK_MS: whole(10, MINUTE_MS),
  KLR_SCHEDULER_MAX_JOBS: whole(1, 256),
  KLR_HEALTH_INTERVAL_MS: whole(100, 10 * MINUTE_MS),
  KLR_HEALTH_CPU_MAX: number(0, 1),
  KLR_HEALTH_MEMORY_MAX: number(0, 1),
  KLR_HEALTH_FAILURES_MAX: whole(1, 100),
  KLR_METRICS_INTERVAL_MS: whole(100, 10 * MINUTE_MS),
  KLR_METRICS_ENABLE_TRACES: flag,
  KLR_FEATURE_SELF_REPAIR: flag,
  KLR_FEATURE_ALERTS: flag,
  KLR_FEATURE_SPEAKER_ID: flag,
};

export type Setting = keyof typeof USED;

export const SETTINGS: Readonly<Record<string, Kind>> = { ...USED, ...OTHERS };

/**
 * Settings of a version to come are let through: a file may be written before the last old process is gone. Anything
 * else is not: a file of settings must not set PATH or NODE_OPTIONS.
 *
 * @throws with the name of the first setting that is not as it must be
 */
export const validateSettings = (variables: ReadonlyMap<string, string>): void => {
  for (const [variable, value] of variables) {
    if (!variable.startsWith('KLR_')) throw new Error(`${variable} is no setting: they begin with KLR_`);
    const kind = SETTINGS[variable];
    if (kind !== undefined && !kind.fits(value))
      throw new Error(`${variable} is ${JSON.stringify(value)}, but it takes ${kind.takes}`);
  }
  const missing = Object.keys(SETTINGS).find((each) => SETTINGS[each]?.required === true && !variables.has(each));
  if (missing !== undefined) throw new Error(`${missing} is missing: it takes ${SETTINGS[missing]?.takes ?? ''}`);
};

/** One of the numbers of an environment that was found valid. */
export const numberOf = (env: NodeJS.ProcessEnv, setting: Setting, preset: number): number =>
  Number(env[setting] ?? preset);
