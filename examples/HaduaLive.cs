// Unity (2021 or newer): put this on a GameObject; other scripts read Label and Confidence.
using System;
using System.IO;
using System.Net.WebSockets;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using UnityEngine;

public class HaduaLive : MonoBehaviour
{
    [Serializable] class Frame { public string type; public long epoch, seq; public string label; public double confidence, end_s; }

    public string url = "ws://127.0.0.1:8000/api/v1/sessions/demo/ws";
    public string Label { get; private set; }        // null or empty: not sure
    public double Confidence { get; private set; }
    readonly CancellationTokenSource quit = new CancellationTokenSource();
    Frame last;                                      // where to go on when the connection was lost

    async void Start()
    {
        while (!quit.IsCancellationRequested)
        {
            try { await Follow(); }
            catch (OperationCanceledException) { return; }
            catch (Exception fault) { Debug.Log($"HADUA: {fault.Message}"); }
            await Task.Delay(1000);
        }
    }

    async Task Follow()
    {
        var where = last == null ? "" : $"?after_seq={last.seq}&epoch={last.epoch}";
        using (var socket = new ClientWebSocket())
        {
            await socket.ConnectAsync(new Uri(url + where), quit.Token);
            var piece = new ArraySegment<byte>(new byte[65536]);
            while (socket.State == WebSocketState.Open)
            {
                var text = new MemoryStream();
                WebSocketReceiveResult got;
                do { got = await socket.ReceiveAsync(piece, quit.Token); text.Write(piece.Array, 0, got.Count); } while (!got.EndOfMessage);
                if (got.MessageType == WebSocketMessageType.Close) break;
                last = JsonUtility.FromJson<Frame>(Encoding.UTF8.GetString(text.ToArray()));
                if (last.type == "prediction") { Label = last.label; Confidence = last.confidence; }
            }
        }
    }

    void OnDestroy() => quit.Cancel();
}
