% MATLAB (R2016b or newer): markers out, predictions in, over plain HTTP; no toolbox.
% Start `hadua-serve --demo`, then run this script. Octave 7 runs it but for the marker: its webwrite sends no JSON.
if ~exist('url', 'var'), url = 'http://127.0.0.1:8000'; end
if ~exist('session', 'var'), session = 'demo'; end
if ~exist('seconds', 'var'), seconds = 30; end

base = [url '/api/v1/sessions/' session];
as_text = weboptions('ContentType', 'text');
if ~exist('OCTAVE_VERSION', 'builtin')
    as_json = weboptions('MediaType', 'application/json', 'RequestMethod', 'post');
    marker = webwrite([base '/markers'], struct('text', 'matlab=started'), as_json);
    fprintf('marked at LSL time %.3f s\n', marker.t_s);
end

now_there = jsondecode(webread(base, as_text));           % begin with what is new
seq = now_there.last_seq; epoch = now_there.epoch;
begun = tic;
while toc(begun) < seconds
    page = jsondecode(webread([base '/predictions'], 'after_seq', num2str(seq), 'epoch', num2str(epoch), as_text));
    seq = page.next_after_seq; epoch = page.epoch;         % a restart begins a new epoch
    for k = 1:numel(page.predictions)
        if iscell(page.predictions), p = page.predictions{k}; else, p = page.predictions(k); end
        if isempty(p.label), p.label = '(not sure)'; end
        fprintf('%10.2f s  %-12s %s\n', p.end_s, p.label, num2str(p.confidence, '%.2f'));
    end
    pause(0.25);
end
