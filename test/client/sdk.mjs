// What sdk.t checks from inside the SDK: prints ok and not ok lines.
import Anthropic, { APIError, NotFoundError } from '@anthropic-ai/sdk';

const client = new Anthropic({ maxRetries: 0 });
const tools = [{
	name: 'get_weather', description: 'The weather',
	input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
}];
const ask = (content, more = {}) => ({ model: 'claude-opus-4-8', max_tokens: 500, messages: [{ role: 'user', content }], ...more });

function is(what, got, want) {
	const same = JSON.stringify(got) === JSON.stringify(want);
	console.log(same ? `ok - ${what}` : `not ok - ${what}: ${JSON.stringify(got)}, not ${JSON.stringify(want)}`);
}

function checkTool(how, m) {
	is(`${how}: kinds of blocks`, m.content.map((b) => b.type), ['thinking', 'text', 'tool_use']);
	is(`${how}: reasoning`, m.content[0].thinking, 'The tool fits.');
	is(`${how}: tool`, [m.content[2].name, m.content[2].input], ['get_weather', { city: 'Bergen' }]);
	is(`${how}: stop_reason`, m.stop_reason, 'tool_use');
}

function checkText(how, m) {
	is(`${how}: text`, m.content.map((b) => b.text), ['Hello from the provider.']);
	is(`${how}: stop_reason`, m.stop_reason, 'end_turn');
	is(`${how}: usage`, [m.usage.input_tokens, m.usage.cache_read_input_tokens, m.usage.output_tokens], [40, 60, 7]);
	is(`${how}: model as asked`, m.model, 'claude-opus-4-8');
}

const thinking = { tools, thinking: { type: 'adaptive' } };
checkText('create', await client.messages.create(ask('sdk text')));
checkTool('create', await client.messages.create(ask('sdk tool', thinking)));

let pieces = 0;
const stream = client.messages.stream(ask('sdk text'));
stream.on('text', () => pieces++);
checkText('stream', await stream.finalMessage());
is('stream: in pieces', pieces > 1, true);
checkTool('stream', await client.messages.stream(ask('sdk tool', thinking)).finalMessage());

const count = await client.messages.countTokens({ model: 'claude-opus-4-8', messages: [{ role: 'user', content: 'How many tokens are these?' }] });
is('countTokens', count.input_tokens > 3 && count.input_tokens < 30, true);
const list = await client.models.list();
is('models', list.data.length > 0 && list.data.every((m) => m.type === 'model' && m.id), true);

try {
	await client.messages.create(ask('sdk error'));
	is('error', 'none', 'NotFoundError');
} catch (e) {
	is('error', e instanceof NotFoundError && e.error.type === 'error', true);
	is('its message', /The model does not exist/.test(e.message), true);
}
try {
	await client.messages.stream(ask('sdk cut')).finalMessage();
	is('a cut stream fails', 'no error', 'error');
} catch (e) {
	is('a cut stream fails', e instanceof APIError || e instanceof Anthropic.AnthropicError, true);
}
