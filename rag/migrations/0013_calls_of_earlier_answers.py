"""Answers from before the ledger: what each attempt had used becomes a row of it, at the prices of now."""

from django.db import migrations

CALLS = """
insert into rag_modelcall (purpose, outcome, model, user_id, room_id, assistant_id, answer_id, attempt,
    input_tokens, output_tokens, cache_write_tokens, cache_read_tokens, is_estimate,
    input_price, output_price, cache_write_price, cache_read_price, cost, error_code, begun_at, at)
select 'answer',
       case when a.error_code <> '' then 'failed' when m.status = 'stopped' then 'stopped' else 'complete' end,
       a.model, n.asked_by_id, m.room_id, n.assistant_id, n.id, a.number,
       a.input_tokens, a.output_tokens, a.cache_write_tokens, a.cache_read_tokens, false,
       coalesce(l.input_price, 0), coalesce(l.output_price, 0),
       coalesce(l.input_price, 0) * 1.25, coalesce(l.input_price, 0) * 0.1,
       a.cost, a.error_code, a.begun_at, coalesce(a.finished_at, a.begun_at)
from rag_answerattempt a
join rag_answer n on n.id = a.answer_id
join chat_message m on m.id = n.message_id
left join rag_languagemodel l on l.name = a.model
where a.input_tokens + a.output_tokens + a.cache_write_tokens + a.cache_read_tokens > 0
order by a.begun_at, a.id
"""


class Migration(migrations.Migration):
    dependencies = [("rag", "0012_budgets_and_calls")]
    operations = [migrations.RunSQL(CALLS, migrations.RunSQL.noop)]
