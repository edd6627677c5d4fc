// tokens.mjs script: rules for test/provider, whose usage is what a real vocabulary counts.
// tokens.mjs judge: what the proxy estimates against that, before and after an answer.
// The real count of a request is that of its text; of tools, that of their JSON.
import { readFileSync } from "node:fs";
import { encode as o200k } from "gpt-tokenizer/encoding/o200k_base";
import { encode as cl100k } from "gpt-tokenizer/encoding/cl100k_base";
import llama3 from "llama3-tokenizer-js";
import mistral from "mistral-tokenizer-js";

const vocabularies = {
	o200k: (text) => o200k(text).length,
	cl100k: (text) => cl100k(text).length,
	llama3: (text) => llama3.encode(text, { bos: false, eos: false }).length,
	mistral: (text) => mistral.encode(text, false, false).length,
};
const kinds = ["english", "code", "json", "chinese", "tools"];
const sample = (kind, n) => readFileSync(new URL(`tokens/${kind}-${n}.txt`, import.meta.url), "utf8");
const texts = (n) => Object.fromEntries(kinds.map((kind) => [kind, sample(kind, n)]));
const first = texts(1), second = texts(2);

const request = (model, kind, text) => kind === "tools"
	? { model, messages: [{ role: "user", content: "go" }], tools: JSON.parse(text) }
	: { model, messages: [{ role: "user", content: text }] };
// all kinds in one, as in a conversation
const mixed = (model) => ({
	model,
	system: first.english,
	tools: JSON.parse(first.tools),
	messages: [
		{ role: "user", content: first.code },
		{ role: "assistant", content: [{ type: "tool_use", id: "call_1", name: "run_command", input: { command: "cat order.json" } }] },
		{ role: "user", content: [{ type: "tool_result", tool_use_id: "call_1", content: first.json }, { type: "text", text: first.chinese }] },
	],
});

function script() {
	const rule = (model, count) => console.log(`when "${model}"\n\tusage ${count} 5 0\n\ttext "fine"`);
	for (const [name, count] of Object.entries(vocabularies)) {
		for (const kind of kinds)
			rule(`${name}-${kind}`, count(first[kind]));
		rule(`${name}-mixed`, kinds.reduce((sum, kind) => sum + count(first[kind]), 0));
	}
}

const base = process.env.ANTHROPIC_BASE_URL;
async function post(path, body) {
	const response = await fetch(base + path, {
		method: "POST",
		headers: { "content-type": "application/json", "x-api-key": process.env.ANTHROPIC_API_KEY },
		body: JSON.stringify(body),
	});
	if (!response.ok)
		throw new Error(`${path}: ${response.status} ${await response.text()}`);
	return response.json();
}
const estimate = async (model, kind) => (await post("/v1/messages/count_tokens", request(model, kind, second[kind]))).input_tokens;
const answer = (body) => post("/v1/messages", { ...body, max_tokens: 50 });

const off = (got, want) => `${got} of ${want}, ${((got / want - 1) * 100).toFixed(1)} %`;
function within(what, got, want, percent) {
	const good = Math.abs(got / want - 1) * 100 <= percent;
	console.log(`${good ? "ok" : "not ok"} - ${what}: ${off(got, want)}, within ${percent}`);
}

// Chinese is half as much again in one vocabulary as in another: before an answer, their middle is what can be asked for
function before(name, kind, text) {
	const counts = ["o200k", "cl100k", "llama3"].map((each) => vocabularies[each](text));
	return kind === "chinese" ? (Math.max(...counts) + Math.min(...counts)) / 2 : vocabularies[name](text);
}

async function judge() {
	for (const name of ["o200k", "cl100k", "llama3"]) {
		const count = vocabularies[name];
		for (const kind of kinds) {
			const model = `${name}-${kind}`;
			within(`${model}, before`, await estimate(model, kind), before(name, kind, second[kind]), 20);
			await answer(request(model, kind, first[kind]));
			within(`${model}, after`, await estimate(model, kind), count(second[kind]), 10);
		}
		// one number for a mixture does not tell how Chinese is counted
		const model = `${name}-mixed`;
		await answer(mixed(model));
		for (const kind of kinds.filter((each) => each !== "chinese"))
			within(`${name}, ${kind} after a mixture`, await estimate(model, kind), count(second[kind]), 10);
	}
	// a vocabulary of 32,000, as no provider has them any longer: to be looked at
	for (const kind of kinds) {
		const model = `mistral-${kind}`, real = vocabularies.mistral(second[kind]);
		console.log(`# ${model}, before: ${off(await estimate(model, kind), real)}`);
		await answer(request(model, kind, first[kind]));
		within(`${model}, after`, await estimate(model, kind), real, 12);
	}
}

await (process.argv[2] === "script" ? script() : judge());
