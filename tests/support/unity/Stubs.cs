// As much of Unity as the example uses, and a program that plays Unity's part.
using System;
using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using System.Threading;

namespace UnityEngine
{
    public class MonoBehaviour { }
    public static class Debug { public static void Log(object said) => Console.Error.WriteLine(said); }
    public static class JsonUtility   // flat: the first value of each field's name, as the example needs it
    {
        public static T FromJson<T>(string text) where T : new()
        {
            var made = new T();
            foreach (var field in typeof(T).GetFields())
            {
                var value = Regex.Match(text, $"\"{field.Name}\":(?:\"([^\"]*)\"|([-+.0-9eE]+))");
                if (value.Success)
                    field.SetValue(made, Convert.ChangeType(value.Groups[1].Success ? value.Groups[1].Value : value.Groups[2].Value, field.FieldType, CultureInfo.InvariantCulture));
            }
            return made;
        }
    }
}

static class Player
{
    static void Call(HaduaLive live, string name) =>
        typeof(HaduaLive).GetMethod(name, BindingFlags.NonPublic | BindingFlags.Instance).Invoke(live, null);

    static int Main(string[] arguments)
    {
        var live = new HaduaLive { url = arguments[0] };
        Call(live, "Start");
        for (var k = 0; k < 500 && string.IsNullOrEmpty(live.Label); k++) Thread.Sleep(20);
        Console.WriteLine($"{live.Label} {live.Confidence.ToString(CultureInfo.InvariantCulture)}");
        Call(live, "OnDestroy");
        return 0;
    }
}
